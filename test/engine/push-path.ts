/**
 * The whole path of a push without Kubernetes: CI issuer, authentik's stand-in, token service and registry, each a
 * server.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { issuer, REGISTRY_NAME, SESSION_NAME, tokenEndpoint } from '../../infra/authentik/names.ts'
import { GITHUB_LIFETIME_SECONDS, githubClaims } from '../../local/issuers/github.ts'
import { makeImage } from '../../local/proof/image.ts'
import { bundleDir, type TokenServiceProcess } from '../token-service.ts'
import type { SetUp } from './authentik-objects.ts'
import { assertion, startAuthentikWorld, type TokenAnswer } from './authentik-world.ts'
import { type RegistryProcess, type RegistryStorage, startRegistry } from './registry-process.ts'

/** What identifies a job. */
export interface Job {
  repository: string
  ref: string
}

export interface PushPath {
  /** A folder of its own for what a test makes. */
  dir: string
  /** An image to push, as an OCI layout. */
  image: string
  /** The registry, `127.0.0.1:<port>`. */
  host: string
  registry: RegistryProcess
  service: TokenServiceProcess
  objects: SetUp
  /** How a client logs in as a job. @param ttl seconds that the CI token lives */
  login(job: Job, ttl?: number): Promise<{ host: string; username: string; password: string }>
  /** The answer to docker when it logs in and asks for a token to keep. */
  dockerLogin(job: Job, ttl?: number): Promise<{ token: string; refresh_token: string; password: string }>
  /** What authentik itself says to an assertion that asks for a registry token. */
  exchange(token: string): Promise<TokenAnswer>
  /** What authentik itself says to a form of the grant `client_credentials`. */
  ask(form: Record<string, string>): Promise<TokenAnswer>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts it all.
 * @param rules as a stack's `trust`
 * @param cacheMs how long the token service may reuse an answer of authentik's
 * @param storage of the registry; by default a folder
 * @param eventsPort where its events go, to the stream and to a URL; without it the registry sends none
 */
export async function startPushPath(
  rules: unknown,
  cacheMs: number,
  storage?: RegistryStorage,
  eventsPort?: number,
): Promise<PushPath> {
  await using started = new AsyncDisposableStack()
  const world = started.use(await startAuthentikWorld({ rules }))
  const { dir, url, objects } = world
  await mkdir(join(dir, 'registry'))
  await writeFile(join(dir, 'trust.json'), objects.document)

  const bundle = bundleDir()
  const env = {
    TOKEN_URL: tokenEndpoint(url),
    CLIENT_ID: REGISTRY_NAME,
    SCOPE: REGISTRY_NAME,
    SESSION_CLIENT_ID: SESSION_NAME,
    SESSION_SCOPE: SESSION_NAME,
    TRUST_FILE: join(dir, 'trust.json'),
  }
  const service = started.use(await bundle.start(env, { cacheMs }))

  const events = eventsPort === undefined ? undefined : 'url'
  const config = { realm: `${service.url}/token`, service: REGISTRY_NAME, issuer: issuer(url), events } as const
  const registry = await startRegistry(join(dir, 'registry'), config, objects.key, storage, eventsPort)
  started.defer(() => registry.close())
  const { host } = registry

  const image = await makeImage({ layers: 2, bytes: 2_000_000 })
  started.defer(() => rm(image, { recursive: true }))

  const login: PushPath['login'] = async (job, ttl = GITHUB_LIFETIME_SECONDS) => {
    const password = await world.ciToken(githubClaims(job), ttl)
    return { host, username: 'JWT', password }
  }
  const dockerLogin: PushPath['dockerLogin'] = async (job, ttl) => {
    const { username, password } = await login(job, ttl)
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    const query = `account=JWT&client_id=docker&offline_token=true&service=${REGISTRY_NAME}`
    const response = await fetch(`${service.url}/token?${query}`, { headers: { authorization } })
    return { ...((await response.json()) as { token: string; refresh_token: string }), password }
  }
  const all = started.move()
  return {
    dir,
    image,
    host,
    registry,
    service,
    objects,
    login,
    dockerLogin,
    exchange: (token) => world.ask({ client_id: REGISTRY_NAME, scope: REGISTRY_NAME, ...assertion(token) }),
    ask: world.ask,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
