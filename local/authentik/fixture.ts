/** For the tests: a stand-in authentik, the issuers whose keys it fetches, and a client for both. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import 'reflect-metadata' // @peculiar/x509 does not load without it
import * as x509 from '@peculiar/x509'
import type { JWK } from 'jose'
import { pino } from 'pino'
import { type Platform, publicKeys, signingKey } from '../issuers/keys.ts'
import { mintToken } from '../issuers/mint.ts'
import { startIssuers } from '../issuers/server.ts'
import { ensurePython } from '../toolchain/python.ts'
import type { Json, JsonObject } from './rows.ts'
import { type AuthentikOptions, startAuthentik } from './server.ts'

export const API_TOKEN = 'api-token-of-the-tests'

/** What authentik wants of a source of keys, and nothing uses. */
export const OAUTH_SOURCE = {
  provider_type: 'openidconnect',
  consumer_key: 'unused',
  consumer_secret: 'unused',
  authorization_url: 'http://unused.example',
  access_token_url: 'http://unused.example',
  profile_url: 'http://unused.example',
}

export interface Reply {
  status: number
  type: string | null
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into answers of every shape
  body: any
}

export interface World {
  issuers: string
  /** The host name by which the tests reach authentik; answers are built from it. */
  url(): string
  /** A call of `/api/v3/...` with the administrator's token. */
  api(method: string, path: string, body?: unknown, token?: string): Promise<Reply>
  /** A `POST` of a form to the token endpoint. */
  exchange(form: Record<string, string>, headers?: Record<string, string>): Promise<Reply>
  fetch(method: string, path: string): Promise<Reply>
  /** A CI token, valid for five minutes by default. */
  mint(platform: Platform, claims: JsonObject, options?: { ttl?: number; key?: JWK }): string
  keys: Record<Platform, JWK>
  /** Moves the clock of authentik and of the issuers. */
  advance(seconds: number): void
  restart(): Promise<void>
  dataDir: string
  close(): Promise<void>
}

export async function startWorld(options: Partial<AuthentikOptions> = {}): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'stand-in-authentik-'))
  const keys = { github: await testKey(directory, 'github'), gitlab: await testKey(directory, 'gitlab') }
  const issuers = await startIssuers({ keys: (platform) => publicKeys(keys[platform]) })
  const dataDir = join(directory, 'data')
  const python = await ensurePython()
  let ahead = 0
  const clock = () => Date.now() + ahead
  const log = pino({ level: 'silent' })
  const start = () => startAuthentik({ dataDir, bootstrapToken: API_TOKEN, python, clock, log, ...options })
  let authentik = await start()

  const call = async (method: string, path: string, init: RequestInit = {}): Promise<Reply> => {
    const response = await fetch(`${authentik.url}${path}`, { method, ...init })
    const text = await response.text()
    const type = response.headers.get('content-type')
    return { status: response.status, type, body: type === 'application/json' ? JSON.parse(text) : text }
  }
  return {
    issuers: issuers.url,
    url: () => authentik.url,
    dataDir,
    keys,
    fetch: call,
    api: (method, path, body, token = API_TOKEN) =>
      call(method, `/api/v3/${path}`, {
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    exchange: (form, headers = {}) =>
      call('POST', '/application/o/token/', { body: new URLSearchParams(form), headers }),
    mint: (platform, claims, { ttl = 300, key = keys[platform] } = {}) =>
      mintToken({ key, claims, audience: 'registry.example.com', ttl, now: clock() }),
    advance(seconds) {
      ahead += seconds * 1000
    },
    async restart() {
      await authentik.close()
      authentik = await start()
    },
    async close() {
      await authentik.close()
      await issuers.close()
      await rm(directory, { recursive: true })
    },
  }
}

/** The key ids are those of the recording. */
async function testKey(directory: string, platform: Platform): Promise<JWK> {
  const kid = { github: 'gh-key-1', gitlab: 'gl-key-1' }[platform]
  return { ...(await signingKey(join(directory, 'issuers'), platform)), kid }
}

/** A self-signed certificate with its private key, both PEM. */
export async function certificatePair(): Promise<{ certificate: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=docker-registry',
    notAfter: new Date(Date.now() + 86_400_000),
    signingAlgorithm: algorithm,
    keys,
  })
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
  return { certificate: certificate.toString('pem'), key }
}

/** A provider with its application, as the tests need them; answers the provider's number and the application's id. */
export async function makeProvider(
  world: World,
  name: string,
  values: JsonObject = {},
): Promise<{ provider: number; application: string }> {
  const provider = await created(world, 'providers/oauth2/', {
    name,
    client_id: name,
    authorization_flow: await flow(world, 'default-provider-authorization-implicit-consent'),
    invalidation_flow: await flow(world, 'default-provider-invalidation-flow'),
    redirect_uris: [],
    access_token_validity: 'minutes=10',
    grant_types: ['client_credentials'],
    ...values,
  })
  const application = await created(world, 'core/applications/', { name, slug: name, provider: provider.pk })
  return { provider: provider.pk, application: application.pk }
}

/** Creates an object and answers it as the API does. */
export async function created(world: World, path: string, body: { [key: string]: Json }): Promise<Reply['body']> {
  const reply = await world.api('POST', path, body)
  if (reply.status !== 201) throw new Error(`${path} was refused: ${JSON.stringify(reply.body)}`)
  return reply.body
}

export const flow = async (world: World, slug: string): Promise<string> =>
  (await world.api('GET', `flows/instances/?slug=${slug}`)).body.results[0].pk
