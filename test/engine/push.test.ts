/**
 * The whole path of a push without Kubernetes: CI issuer, authentik (its stand-in), token service and registry as
 * separate servers on this machine, and a real client.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { issuer, REGISTRY_NAME, SESSION_NAME, tokenEndpoint } from '../../infra/authentik/names.ts'
import { startAuthentik } from '../../local/authentik/server.ts'
import { GITHUB_LIFETIME_SECONDS, githubClaims } from '../../local/issuers/github.ts'
import { publicKeys, signingKey } from '../../local/issuers/keys.ts'
import { mintToken } from '../../local/issuers/mint.ts'
import { startIssuers } from '../../local/issuers/server.ts'
import { makeImage } from '../../local/proof/image.ts'
import { ensurePython } from '../../local/toolchain/python.ts'
import { bundleDir } from '../token-service.ts'
import { setUpAuthentik } from './authentik-objects.ts'
import { startRegistry } from './registry-process.ts'
import { skopeoCopy } from './skopeo.ts'

const AUDIENCE = 'registry.example.com'
const trusted = { repository: 'acme/app', ref: 'refs/heads/main' }
const reader = { repository: 'partner/reader', ref: 'refs/heads/main' }
const stranger = { repository: 'evil/app', ref: 'refs/heads/main' }
const rules = [
  { github: { owners: [{ name: 'acme', id: '501' }] } },
  { source: 'github', claims: { repository: 'partner/reader' }, pull: 'acme/**' },
]

const cleanUp = new AsyncDisposableStack()
let dir: string
let image: string
let host: string
let tokenUrl: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'push-'))
  cleanUp.defer(() => rm(dir, { recursive: true }))
  await mkdir(join(dir, 'registry'))

  const issuers = await startIssuers({
    keys: async (platform) => publicKeys(await signingKey(join(dir, 'issuers'), platform)),
  })
  cleanUp.defer(() => issuers.close())

  const apiToken = randomUUID()
  const authentik = await startAuthentik({
    dataDir: join(dir, 'authentik'),
    bootstrapToken: apiToken,
    python: await ensurePython(),
    log: pino({ level: 'silent' }),
  })
  cleanUp.defer(() => authentik.close())
  const jwksUrl = `${issuers.url}/github/.well-known/jwks`
  const { key, document } = await setUpAuthentik({
    url: authentik.url,
    apiToken,
    sources: [{ slug: 'github', platform: 'github', jwksUrl }],
    rules,
    audience: AUDIENCE,
  })
  await writeFile(join(dir, 'trust.json'), document)

  const bundle = cleanUp.use(await bundleDir())
  const env = {
    TOKEN_URL: tokenEndpoint(authentik.url),
    CLIENT_ID: REGISTRY_NAME,
    SCOPE: REGISTRY_NAME,
    SESSION_CLIENT_ID: SESSION_NAME,
    SESSION_SCOPE: SESSION_NAME,
    TRUST_FILE: join(dir, 'trust.json'),
  }
  const service = cleanUp.use(await bundle.start(env))
  tokenUrl = `${service.url}/token`

  const config = { realm: tokenUrl, service: REGISTRY_NAME, issuer: issuer(authentik.url) }
  const registry = await startRegistry(join(dir, 'registry'), config, key)
  cleanUp.defer(() => registry.close())
  host = registry.host

  image = await makeImage({ layers: 2, bytes: 2_000_000 })
  cleanUp.defer(() => rm(image, { recursive: true }))
})

afterAll(() => cleanUp.disposeAsync())

async function login(job: { repository: string; ref: string }, ttl = GITHUB_LIFETIME_SECONDS) {
  const key = await signingKey(join(dir, 'issuers'), 'github')
  const password = mintToken({ key, claims: githubClaims(job), audience: AUDIENCE, ttl, now: Date.now() })
  return { host, username: 'JWT', password }
}

async function digestOf(layout: string): Promise<string> {
  return JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')).manifests[0].digest
}

const push = async (name: string, as: Awaited<ReturnType<typeof login>> | undefined) =>
  skopeoCopy(`oci:${image}:latest`, `docker://${host}/${name}:1`, as)

describe('a job that is trusted', () => {
  it('pushes with its token alone, and pulls the same image back', async () => {
    expect(await push('acme/app', await login(trusted))).toEqual({ code: 0, message: '' })
    const back = join(dir, 'pulled')
    const pulled = await skopeoCopy(`docker://${host}/acme/app:1`, `oci:${back}:latest`, await login(trusted))
    expect(pulled).toEqual({ code: 0, message: '' })
    expect(await digestOf(back)).toBe(await digestOf(image))
  })

  it('that may only pull does that and no more', async () => {
    const pulled = await skopeoCopy(
      `docker://${host}/acme/app:1`,
      `oci:${join(dir, 'read')}:latest`,
      await login(reader),
    )
    expect(pulled).toEqual({ code: 0, message: '' })
    const pushed = await push('acme/app', await login(reader))
    expect(pushed.code).not.toBe(0)
    expect(pushed.message).toContain('requested access to the resource is denied')
  })
})

describe('refused is', () => {
  it('a stranger with a good token, who can neither push nor pull', async () => {
    const pushed = await push('acme/app', await login(stranger))
    expect(pushed.code).not.toBe(0)
    expect(pushed.message).toContain('unauthorized: ')
    const pulled = await skopeoCopy(
      `docker://${host}/acme/app:1`,
      `oci:${join(dir, 'stolen')}:latest`,
      await login(stranger),
    )
    expect(pulled.code).not.toBe(0)
  })

  it('an expired token, and skopeo prints what to do', async () => {
    const { code, message } = await push('acme/app', await login(trusted, -60))
    expect(code).not.toBe(0)
    expect(message).toContain('authentik refused the CI token: it has expired (GitHub: after 5 minutes)')
  })

  it('a token that the issuer did not sign', async () => {
    const genuine = await login(trusted)
    const [header, claims] = genuine.password.split('.')
    const forged = { ...genuine, password: `${header}.${claims}.${Buffer.alloc(256).toString('base64url')}` }
    const { code, message } = await push('acme/app', forged)
    expect(code).not.toBe(0)
    expect(message).toContain('authentik refused the CI token')
  })

  it('whoever is not logged in', async () => {
    const { code, message } = await push('acme/app', undefined)
    expect(code).not.toBe(0)
    expect(message).toContain('Log in first')
  })

  it('a job whose "sub" is too long for authentik', async () => {
    const long = { repository: `acme/${'x'.repeat(140)}`, ref: 'refs/heads/main' }
    const { code, message } = await push('acme/app', await login(long))
    expect(code).not.toBe(0)
    expect(message).toContain('have more than 150 characters together')
  })
})
