/**
 * The registry with the stack's configuration on buckets: on a real S3 server, and as far as it comes without a
 * network.
 */
import { execFile } from 'node:child_process'
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { registryConfig } from '../../infra/kubernetes/registry-config.ts'
import { storageCheckConfig } from '../../infra/kubernetes/storage-check.ts'
import { storageDriver } from '../../infra/kubernetes/storage-driver.ts'
import { storageSetting } from '../../infra/kubernetes/storage-setting.ts'
import { projectDir } from '../../local/paths.ts'
import { crane, cranePush } from './crane.ts'
import { type PushPath, startPushPath } from './push-path.ts'
import { type RegistryProcess, serve } from './registry-process.ts'
import { BUCKET, REGION, type Recorder, recordRequests, type S3Server, startS3 } from './s3-server.ts'
import { skopeoCopy } from './skopeo.ts'

const driverFor = (setting: unknown) => storageDriver(storageSetting.schema.parse(setting))
const s3At = (endpoint: string, more: object = {}) =>
  driverFor({ s3: { bucket: BUCKET, region: REGION, endpoint, secret: 'keys', prefix: 'registry', ...more } })

let dir: string
let s3: S3Server
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'object-storage-'))
  s3 = await startS3(dir)
})
afterAll(async () => {
  await s3?.[Symbol.asyncDispose]()
  await rm(dir, { recursive: true })
})

let files = 0
/** A registry with this configuration, without its authentication. */
async function start(config: object, env: Record<string, string>): Promise<RegistryProcess> {
  const file = join(dir, `config-${files++}.yml`)
  await writeFile(file, stringify(config))
  return serve(file, env)
}

const node = join(projectDir, 'node_modules', '.bin', 'node')
const script = join(projectDir, 'infra', 'kubernetes', 'storage-check-main.ts')

/** As its Job does it. */
async function check(storage: ReturnType<typeof driverFor>, keys: Record<string, string>) {
  const registry = await start(storageCheckConfig(storage), keys)
  const log = join(dir, `termination-log-${files++}`)
  try {
    const args = [script, `http://${registry.host}`, storage.inWords, 'kubectl logs', 'null', ...registry.command]
    await promisify(execFile)(node, args, { env: { TERMINATION_LOG: log } })
    return 'ok'
  } catch {
    return await readFile(log, 'utf8')
  } finally {
    // The Job ends with both of its containers: whatever the check has found, the registry ends well.
    expect(await registry.ended).toBe(0)
  }
}

describe('the check of the storage', () => {
  it('passes where the registry may write, read and delete', async () => {
    expect(await check(s3At(s3.url), s3.keys)).toBe('ok')
    // Again: what the first one left does not matter.
    expect(await check(s3At(s3.url), s3.keys)).toBe('ok')
  })

  it.each([
    [
      'no bucket',
      { bucket: 'not-there' },
      {},
      /^The registry cannot use bucket not-there, registry\/ \(s3\): .*NoSuchBucket/,
    ],
    [
      'a wrong region',
      { region: 'other-region-1' },
      {},
      /the region "other-region-1" is wrong; expecting "test-region-1"/,
    ],
    ['a wrong key', {}, { AWS_SECRET_ACCESS_KEY: 'wrong' }, /SignatureDoesNotMatch/],
    ['no user of that key', {}, { AWS_ACCESS_KEY_ID: 'stranger' }, /InvalidAccessKeyId/],
    ['a server that is not there', { endpoint: 'http://127.0.0.1:9' }, {}, /connection refused/],
  ])('says in one sentence that there is %s', async (_, setting, keys, sentence) => {
    const said = await check(s3At(s3.url, setting), { ...s3.keys, ...keys })
    expect(said).toMatch(sentence)
    expect(said).not.toMatch(/\n/)
    expect(said).not.toContain(s3.keys.AWS_SECRET_ACCESS_KEY)
  })

  it('ends soon where the registry has not started, and says where its words are', async () => {
    const log = join(dir, 'termination-log-of-a-start')
    const args = [
      script,
      'http://127.0.0.1:9',
      'bucket acme (s3)',
      'kubectl logs',
      'null',
      'registry',
      'serve',
      join(dir, 'none'),
    ]
    await expect(promisify(execFile)(node, args, { env: { TERMINATION_LOG: log } })).rejects.toMatchObject({ code: 1 })
    expect(await readFile(log, 'utf8')).toMatch(
      /^The registry cannot use bucket acme .* its container, or `kubectl logs`, say why$/,
    )
  })

  it.each([
    [[], 'is not in the namespace, or has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'],
    [['AWS_ACCESS_KEY_ID'], 'has no AWS_SECRET_ACCESS_KEY'],
  ])('names the Secret where of its keys it has %j', async (has, problem) => {
    const directory = await mkdtemp(join(dir, 'secret-'))
    for (const key of has) await writeFile(join(directory, key), 'text of the key')
    const log = join(directory, 'termination-log')
    const secret = JSON.stringify({ ...s3At(s3.url).secret, directory })
    const args = [script, 'http://127.0.0.1:9', 'bucket acme (s3)', 'kubectl logs', secret, 'registry', 'serve']
    await expect(promisify(execFile)(node, args, { env: { TERMINATION_LOG: log } })).rejects.toMatchObject({ code: 1 })
    expect(await readFile(log, 'utf8')).toBe(`The registry cannot use bucket acme (s3): Secret keys ${problem}`)
  })

  it('says that a user has no rights', async () => {
    expect(await check(s3At(s3.url), await s3.addUser())).toMatch(/AccessDenied/)
  })
})

describe('two replicas', () => {
  let replicas: [RegistryProcess, RegistryProcess]
  beforeAll(async () => {
    const storage = s3At(s3.url)
    const { auth: _, ...config } = parse(registryConfig({ realm: '', service: '', issuer: '', storage }))
    const env = { ...s3.keys, REGISTRY_HTTP_SECRET: randomBytes(16).toString('hex') }
    replicas = [await start(config, env), await start(config, env)]
  })
  afterAll(() => Promise.all(replicas.map((replica) => replica.close())))

  const digestOf = (content: Uint8Array) => `sha256:${createHash('sha256').update(content).digest('hex')}`
  const at = (replica: 0 | 1, path: string) => new URL(path, `http://${replicas[replica].host}`)

  /** Pushes a blob in pieces, each to the other replica. */
  async function push(content: Uint8Array<ArrayBuffer>, pieces: number): Promise<void> {
    const begun = await fetch(at(0, '/v2/acme/app/blobs/uploads/'), { method: 'POST' })
    expect(begun.status).toBe(202)
    let location = begun.headers.get('location') ?? ''
    const size = content.length / pieces
    for (let piece = 0; piece < pieces; piece++) {
      const body = content.subarray(piece * size, (piece + 1) * size)
      const headers = { 'content-type': 'application/octet-stream' }
      const sent = await fetch(at(piece % 2 === 0 ? 1 : 0, location), { method: 'PATCH', body, headers })
      expect(sent.status, await sent.text()).toBe(202)
      location = sent.headers.get('location') ?? ''
    }
    const end = at(0, location)
    end.searchParams.set('digest', digestOf(content))
    expect((await fetch(end, { method: 'PUT' })).status).toBe(201)
  }

  it('continue each other’s uploads', async () => {
    // The parts of a multipart upload have 5 MiB at least.
    const content = new Uint8Array(randomBytes(4 * 6 * 1024 * 1024))
    await push(content, 4)
    for (const replica of [0, 1] as const) {
      const pulled = await fetch(at(replica, `/v2/acme/app/blobs/${digestOf(content)}`))
      expect(digestOf(await pulled.bytes())).toBe(digestOf(content))
    }
  })

  it('see at once what the other deleted or collected, and take it again', async () => {
    const content = new Uint8Array(randomBytes(200_000))
    const blob = `/v2/acme/app/blobs/${digestOf(content)}`
    await push(content, 1)
    expect((await fetch(at(0, blob), { method: 'HEAD' })).status).toBe(200)
    expect((await fetch(at(1, blob), { method: 'DELETE' })).status).toBe(202)
    expect(await replicas[1].collectGarbage()).toContain(digestOf(content))
    expect((await fetch(at(0, blob), { method: 'HEAD' })).status).toBe(404)
    await push(content, 1)
    expect(digestOf(await (await fetch(at(1, blob))).bytes())).toBe(digestOf(content))
  })
})

describe('redirects to the bucket', () => {
  const rules = [{ source: 'github', claims: { repository: 'acme/app' }, push: 'acme/app' }]
  const job = { repository: 'acme/app', ref: 'refs/heads/main' }
  let recorder: Recorder
  let path: PushPath
  beforeAll(async () => {
    recorder = await recordRequests(s3.url)
    path = await startPushPath(rules, 60_000, {
      driver: s3At(recorder.url, { redirect: true, prefix: 'redirected' }),
      env: s3.keys,
    })
    const pushed = await cranePush(path.image, `${path.host}/acme/app:1`, await path.login(job))
    expect(pushed).toMatchObject({ code: 0 })
  })
  afterAll(async () => {
    await path?.[Symbol.asyncDispose]()
    await recorder?.[Symbol.asyncDispose]()
  })

  const pulls = {
    crane: async (target: string) =>
      crane(['pull', '--format=oci', `${path.host}/acme/app:1`, target], await path.login(job)),
    skopeo: async (target: string) =>
      skopeoCopy(`docker://${path.host}/acme/app:1`, `oci:${target}:1`, await path.login(job)),
  }

  it.each(['crane', 'skopeo'] as const)('lead %s to the layers, without its token', async (client) => {
    recorder.requests.length = 0
    const target = join(dir, client)
    await mkdir(target)
    expect(await pulls[client](target)).toMatchObject({ code: 0 })
    expect(recorder.requests.length).toBeGreaterThanOrEqual(2)
    for (const { path: asked, headers } of recorder.requests) {
      expect(asked).toContain('X-Amz-Signature=')
      expect(headers).not.toHaveProperty('authorization')
      expect(headers).not.toHaveProperty('cookie')
    }
  })
})

describe('drivers of clouds that cannot be had here', () => {
  // That they listen shows that distribution took every parameter, and the keys.
  const starts = async (setting: unknown, env: Record<string, string>, change: (text: string) => string = String) => {
    const storage = driverFor(setting)
    const text = registryConfig({ realm: '', service: '', issuer: '', storage })
    const { auth: _, ...config } = parse(change(text))
    await using cleanUp = new AsyncDisposableStack()
    const registry = await start(config, env)
    cleanUp.defer(() => registry.close())
    return registry.host
  }

  it('gcs with a key file', async () => {
    const file = join(dir, 'key.json')
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const key = {
      type: 'service_account',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      client_email: 'registry@acme.iam.gserviceaccount.com',
      token_uri: 'https://oauth2.googleapis.com/token',
    }
    await writeFile(file, JSON.stringify(key))
    const setting = { gcs: { bucket: 'images', prefix: 'a', secret: 'key' } }
    const inTest = (text: string) => text.replace('/etc/distribution-credentials/key.json', file)
    expect(await starts(setting, {}, inTest)).toMatch(/:\d+$/)
    // With an identity it looks for one at its start; a file says which, as there is no metadata service here.
    const found = { GOOGLE_APPLICATION_CREDENTIALS: file }
    expect(await starts({ gcs: { bucket: 'images' } }, found)).toMatch(/:\d+$/)
    await expect(starts(setting, {})).rejects.toThrow('no such file')
  })

  it('azure with an account key and with an identity', async () => {
    const azure = { account: 'acme', container: 'images', prefix: 'a' }
    const key = { REGISTRY_STORAGE_AZURE_ACCOUNTKEY: Buffer.from('key').toString('base64') }
    expect(await starts({ azure: { ...azure, secret: 'key' } }, key)).toMatch(/:\d+$/)
    expect(await starts({ azure }, {})).toMatch(/:\d+$/)
    await expect(
      starts({ azure: { ...azure, secret: 'key' } }, { REGISTRY_STORAGE_AZURE_ACCOUNTKEY: 'not base64!' }),
    ).rejects.toThrow('shared key credentials')
  })
})
