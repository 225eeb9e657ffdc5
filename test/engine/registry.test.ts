/**
 * The registry with the stack's configuration, as a process: what its own garbage collection and its end must not lose.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { jwkOf, jwks, keyId } from '../../infra/authentik/jwks.ts'
import { selfSigned } from '../../local/plugins/tls/certificate.ts'
import { type RegistryProcess, startRegistry } from './registry-process.ts'

const REPOSITORY = 'acme/app'
const config = { realm: 'http://unused.invalid/token', service: 'docker-registry', issuer: 'http://issuer.invalid/' }
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

let dir: string
let registry: RegistryProcess
let authorization: string

async function trustedKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const pem = privateKey.export({ type: 'sec1', format: 'pem' }).toString()
  const inputs = { privateKeyPem: pem, subject: { commonName: 'test' }, validityPeriodHours: 1, allowedUses: [] }
  const { certPem } = await selfSigned(inputs, new Date())
  const certificate = String(certPem)
  return { privateKey, kid: keyId(pem), certificate, jwks: jwks([jwkOf(certificate, keyId(pem))]) }
}

const tokenFor = async (key: { privateKey: KeyObject; kid: string }) =>
  new SignJWT({ access: [{ type: 'repository', name: REPOSITORY, actions: ['pull', 'push', 'delete'] }] })
    .setProtectedHeader({ alg: 'ES256', kid: key.kid, typ: 'JWT' })
    .setIssuer(config.issuer)
    .setAudience(config.service)
    .setSubject('test')
    .setIssuedAt()
    .setNotBefore('-1s')
    .setExpirationTime('5m')
    .sign(key.privateKey)

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'registry-'))
  const key = await trustedKey()
  registry = await startRegistry(dir, config, key)
  authorization = `Bearer ${await tokenFor(key)}`
})
afterEach(async () => {
  await registry.close()
  await rm(dir, { recursive: true })
})

const digestOf = (content: Uint8Array | string) => `sha256:${createHash('sha256').update(content).digest('hex')}`

const ask = (path: string, init: RequestInit & { headers?: Record<string, string> } = {}) =>
  fetch(new URL(path, `http://${registry.host}/v2/${REPOSITORY}/`), {
    ...init,
    headers: { authorization, ...init.headers },
  })

/** Where an upload goes on. */
async function beginUpload(): Promise<URL> {
  const { status, headers } = await ask('blobs/uploads/', { method: 'POST' })
  expect(status).toBe(202)
  return new URL(headers.get('location') ?? '', `http://${registry.host}/v2/${REPOSITORY}/blobs/uploads/`)
}

/** As every client does it: a blob that is there already is not sent again. */
async function pushBlob(content: Uint8Array<ArrayBuffer>): Promise<void> {
  const digest = digestOf(content)
  if ((await ask(`blobs/${digest}`, { method: 'HEAD' })).ok) return
  const location = await beginUpload()
  location.searchParams.set('digest', digest)
  expect((await ask(String(location), { method: 'PUT', body: content })).status).toBe(201)
}

describe('garbage collection in the running pod', () => {
  const layer = new Uint8Array(randomBytes(100_000))
  const settings = new TextEncoder().encode('{}')
  const descriptor = (mediaType: string, content: Uint8Array) => ({
    mediaType,
    digest: digestOf(content),
    size: content.length,
  })
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptor('application/vnd.oci.image.config.v1+json', settings),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  })

  async function push(): Promise<void> {
    await pushBlob(layer)
    await pushBlob(settings)
    const put = { method: 'PUT', body: manifest, headers: { 'content-type': OCI_MANIFEST } }
    expect((await ask('manifests/1', put)).status).toBe(201)
  }

  async function pull(): Promise<void> {
    const found = await ask('manifests/1', { headers: { accept: OCI_MANIFEST } })
    expect(await found.text()).toBe(manifest)
    const blob = await ask(`blobs/${digestOf(layer)}`)
    expect(digestOf(await blob.bytes())).toBe(digestOf(layer))
  }

  it('loses no image that is pushed again after it was deleted and collected', async () => {
    await push()
    await pull()
    expect((await ask(`manifests/${digestOf(manifest)}`, { method: 'DELETE' })).status).toBe(202)
    expect(await registry.collectGarbage()).toContain(`blob eligible for deletion: ${digestOf(layer)}`)
    expect((await ask(`blobs/${digestOf(layer)}`, { method: 'HEAD' })).status).toBe(404)
    await push()
    await pull()
  })
})

describe('SIGTERM', () => {
  it('lets an upload in flight finish', async () => {
    const content = randomBytes(200_000)
    const location = await beginUpload()
    location.searchParams.set('digest', digestOf(content))
    const upload = httpRequest(location, {
      method: 'PUT',
      headers: { authorization, 'content-length': content.length },
    })
    const answered = new Promise<number | undefined>((resolve, reject) => {
      upload.on('response', ({ statusCode }) => resolve(statusCode))
      upload.on('error', reject)
    })
    upload.write(content.subarray(0, 100_000))
    await sleep(300)
    registry.terminate()
    await sleep(700)
    upload.end(content.subarray(100_000))
    expect(await answered).toBe(201)
  })
})
