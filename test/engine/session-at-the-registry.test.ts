/**
 * A session is also the token of a login, so clients send it to the registry. There it may open `/v2/` and nothing
 * else, however it is used or changed: the real registry is asked, with tokens that the program's own expressions
 * write.
 */
import { createHash, createHmac, createPublicKey, randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { issuer, REGISTRY_NAME, SESSION_NAME } from '../../infra/authentik/names.ts'
import { githubClaims } from '../../local/issuers/github.ts'
import type { SetUp } from './authentik-objects.ts'
import { type AuthentikWorld, assertion, startAuthentikWorld } from './authentik-world.ts'
import { type RegistryProcess, startRegistry } from './registry-process.ts'

const EVERYTHING = 'repository:acme/app:pull,push,delete repository:acme/base:pull registry:catalog:*'
const rules = [
  {
    source: 'ci',
    claims: { repository: 'acme/app' },
    push: ['acme/**'],
    pull: ['acme/**'],
    delete: ['acme/**'],
    catalog: true,
  },
]
const everythingAsAccess = [
  { type: 'repository', name: 'acme/app', actions: ['pull', 'push', 'delete'] },
  { type: 'registry', name: 'catalog', actions: ['*'] },
]
const someDigest = `sha256:${createHash('sha256').update('some blob').digest('hex')}`

const cleanUp = new AsyncDisposableStack()
let world: AuthentikWorld
let authentik: SetUp
let authentikUrl: string
let registry: RegistryProcess

beforeAll(async () => {
  // Of any issuer at all, so that a rule may look at any claim.
  const issuedBy = { platform: 'oidc', issuer: 'https://token.actions.githubusercontent.com' }
  world = cleanUp.use(
    await startAuthentikWorld({
      sources: (jwksUrl) => [{ slug: 'ci', ...issuedBy, jwksUrl: jwksUrl('github') }],
      rules,
    }),
  )
  authentik = world.objects
  authentikUrl = world.url
  await mkdir(join(world.dir, 'registry'))
  const config = { realm: 'http://unused.invalid/token', service: REGISTRY_NAME, issuer: issuer(authentikUrl) }
  registry = await startRegistry(join(world.dir, 'registry'), config, authentik.key)
  cleanUp.defer(() => registry.close())
})
beforeEach(() => authentik.setRules(rules))
afterAll(() => cleanUp.disposeAsync())

async function ciToken(more: object = {}): Promise<string> {
  const claims = { ...githubClaims({ repository: 'acme/app', ref: 'refs/heads/main' }), ...more }
  return world.ciToken(claims, 300)
}

/** What authentik gives for an assertion; empty where it refuses. */
async function exchanged(token: string, client_id: string, scope: string): Promise<string> {
  return (await world.ask({ client_id, scope, ...assertion(token) })).token
}

const openSession = async (more: object = {}) => exchanged(await ciToken(more), SESSION_NAME, SESSION_NAME)
const registryToken = (assertion: string, scope = EVERYTHING) =>
  exchanged(assertion, REGISTRY_NAME, `${REGISTRY_NAME} ${scope}`)

/** What the registry says to a bearer of this token. */
async function statusOf(token: string, path = '/v2/', init: RequestInit = {}): Promise<number> {
  const response = await fetch(`http://${registry.host}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, ...init.headers },
  })
  await response.body?.cancel()
  return response.status
}

const requests: [method: string, path: string][] = [
  ['GET', '/v2/_catalog'],
  ['GET', '/v2/_catalog?n=1'],
  ['GET', '/v2/acme/app/tags/list'],
  ['GET', '/v2/acme/app/manifests/1'],
  ['HEAD', '/v2/acme/app/manifests/1'],
  ['PUT', '/v2/acme/app/manifests/1'],
  ['DELETE', '/v2/acme/app/manifests/1'],
  ['DELETE', `/v2/acme/app/manifests/${someDigest}`],
  ['GET', `/v2/acme/app/blobs/${someDigest}`],
  ['HEAD', `/v2/acme/app/blobs/${someDigest}`],
  ['DELETE', `/v2/acme/app/blobs/${someDigest}`],
  ['POST', '/v2/acme/app/blobs/uploads/'],
  ['POST', `/v2/acme/app/blobs/uploads/?mount=${someDigest}&from=acme/base`],
  ['GET', `/v2/acme/app/blobs/uploads/${randomUUID()}`],
  ['PATCH', `/v2/acme/app/blobs/uploads/${randomUUID()}`],
  ['PUT', `/v2/acme/app/blobs/uploads/${randomUUID()}?digest=${someDigest}`],
  ['DELETE', `/v2/acme/app/blobs/uploads/${randomUUID()}`],
]

describe('a session', () => {
  it('opens /v2/, where its user may do everything else with a registry token', async () => {
    const session = await openSession()
    expect([await statusOf(session), await statusOf(await registryToken(session))]).toEqual([200, 200])
  })

  it.each(requests)('opens no %s %s', async (method, path) => {
    const session = await openSession()
    expect(await statusOf(session, path, { method })).toBe(401)
    expect(await statusOf(await registryToken(session), path, { method })).not.toBe(401)
  })

  it('opens no more where its request asked for all there is', async () => {
    const scope = `${SESSION_NAME} ${REGISTRY_NAME} openid profile offline_access ${EVERYTHING}`
    const session = await exchanged(await ciToken(), SESSION_NAME, scope)
    expect(decodeJwt(session)).toMatchObject({ aud: [SESSION_NAME, REGISTRY_NAME], access: [] })
    expect(await statusOf(session)).toBe(200)
    expect(await statusOf(session, '/v2/_catalog')).toBe(401)
  })

  it('opens no more where a CI token carries the claims that the registry reads, and rules look at them', async () => {
    const looked = { repository: 'acme/app', access: '[{"type":"**', aud: 'registry.*', scope: 'repository:**' }
    await authentik.setRules([{ ...rules[0], claims: looked }])
    const more = { access: JSON.stringify(everythingAsAccess), scope: EVERYTHING, ci: { access: everythingAsAccess } }
    const session = await openSession(more)
    const { aud, access, ci } = decodeJwt<JWTPayload & { ci: { claims: object } }>(session)
    expect([aud, access]).toEqual([[SESSION_NAME, REGISTRY_NAME], []])
    expect(ci.claims).toMatchObject({ access: more.access, scope: EVERYTHING })
    expect([await statusOf(session), await statusOf(session, '/v2/acme/app/tags/list')]).toEqual([200, 401])
  })
})

describe('a session that was tampered with opens nothing, not even /v2/, and makes no registry token', () => {
  const withClaims = (session: string, claims: object, header: object = decodeProtectedHeader(session)) => {
    const [, , signature] = session.split('.')
    return `${part(header)}.${part({ ...decodeJwt(session), ...claims })}.${signature}`
  }
  const ownKey = () => JSON.parse(authentik.key.jwks).keys[0]

  it.each<[string, (session: string) => string | Promise<string>]>([
    ['another access', (session) => withClaims(session, { access: everythingAsAccess })],
    ['another audience', (session) => withClaims(session, { aud: REGISTRY_NAME })],
    ['other claims of the job', (session) => withClaims(session, { ci: { source: 'ci', claims: {} } })],
    ['a later end', (session) => withClaims(session, { exp: 4e9 })],
    [
      'no signature',
      (session) => withClaims(session, { access: everythingAsAccess }, { alg: 'none' }).replace(/[^.]*$/, ''),
    ],
    [
      'the signature of another key under our key id',
      async (session) => {
        const { privateKey } = await generateKeyPair('ES256')
        const header = { alg: 'ES256', kid: ownKey().kid }
        return new SignJWT({ ...decodeJwt(session), access: everythingAsAccess })
          .setProtectedHeader(header)
          .sign(privateKey)
      },
    ],
    [
      'another key in its own header',
      async (session) => {
        const { privateKey, publicKey } = await generateKeyPair('ES256')
        const header = { alg: 'ES256', kid: ownKey().kid, jwk: await exportJWK(publicKey) }
        return new SignJWT({ ...decodeJwt(session), access: everythingAsAccess })
          .setProtectedHeader(header)
          .sign(privateKey)
      },
    ],
    [
      'our public key as the secret of an HMAC',
      (session) => {
        const secret = createPublicKey({ key: ownKey(), format: 'jwk' }).export({ type: 'spki', format: 'pem' })
        const claims = { ...decodeJwt(session), access: everythingAsAccess }
        const signed = `${part({ alg: 'HS256', kid: ownKey().kid })}.${part(claims)}`
        return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
      },
    ],
  ])('%s', async (_, change) => {
    const forged = await change(await openSession())
    expect([await statusOf(forged), await statusOf(forged, '/v2/_catalog')]).toEqual([401, 401])
    expect(await registryToken(forged)).toBe('')
  })
})

describe('a token of the application of sessions without the claims of its mapping opens nothing', () => {
  const expectNothing = async (token: string) => {
    expect(decodeJwt(token)).toMatchObject({ aud: SESSION_NAME, iss: issuer(authentikUrl) })
    expect(decodeJwt(token)).not.toHaveProperty('access')
    expect([await statusOf(token), await statusOf(token, '/v2/_catalog')]).toEqual([401, 401])
    expect(await registryToken(token)).toBe('')
  }

  it('where its scope was not asked for', async () => {
    await expectNothing(await exchanged(await ciToken(), SESSION_NAME, `${REGISTRY_NAME} ${EVERYTHING}`))
  })

  it('where the mapping fails', async () => {
    const path = 'propertymappings/provider/scope/'
    const { results } = await authentik.api.call<{ results: { pk: string; name: string; expression: string }[] }>(
      'GET',
      `${path}?page_size=100`,
    )
    const mapping = results.find(({ name }) => name === SESSION_NAME)
    const change = (expression: unknown) => authentik.api.call('PATCH', `${path}${mapping?.pk}/`, { expression })
    for (const broken of ['raise ValueError("no")', 'return None', 'return [["aud", "docker-registry"]]']) {
      await change(broken)
      await expectNothing(await exchanged(await ciToken(), SESSION_NAME, SESSION_NAME))
    }
    await change(mapping?.expression)
  })
})

describe('what is not a session', () => {
  it('a registry token, for a registry token or for a session', async () => {
    const token = await registryToken(await ciToken())
    expect(await statusOf(token, '/v2/_catalog')).toBe(200)
    expect(await registryToken(token)).toBe('')
    expect(await exchanged(token, SESSION_NAME, SESSION_NAME)).toBe('')
  })

  it('a token of another application, made by the mapping of sessions and signed by the same key', async () => {
    const providers = 'providers/oauth2'
    const list = await authentik.api.call<{ results: Provider[] }>('GET', `${providers}/?page_size=100`)
    const found = (name: string) => list.results.find((provider) => provider.name === name) as Provider
    const { pk: _, ...session } = found(SESSION_NAME)
    const name = 'other-session'
    const other = await authentik.api.create(providers, { ...session, name, client_id: name })
    await authentik.api.create('core/applications', { name, slug: name, provider: other.pk })
    const token = await exchanged(await ciToken(), name, SESSION_NAME)
    expect(decodeJwt(token)).toMatchObject({ ci: { source: 'ci' }, access: [] })
    expect(await registryToken(token)).toBe('')
    // Nor where an administrator lets the registry's provider take its tokens by mistake.
    const { pk, jwt_federation_providers } = found(REGISTRY_NAME)
    const federated = { jwt_federation_providers: [...jwt_federation_providers, other.pk] }
    await authentik.api.call('PATCH', `${providers}/${pk}/`, federated)
    expect(await registryToken(token)).toBe('')
    expect(await statusOf(token, '/v2/acme/app/tags/list')).toBe(401)
  })
})

interface Provider {
  pk: number
  name: string
  jwt_federation_providers: (number | string)[]
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
