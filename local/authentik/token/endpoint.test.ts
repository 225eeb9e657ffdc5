import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { certificatePair, created, makeProvider, startWorld, type World } from '../fixture.ts'
import type { JsonObject } from '../rows.ts'

const JOB = {
  iss: 'https://token.actions.githubusercontent.com',
  sub: 'repo:acme/app:ref:refs/heads/main',
  repository: 'acme/app',
}
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const CI_USER = `docker-registry-${JOB.sub}`

let world: World
let sources: { github: string; gitlab: string }
let signingKey: string
let mapping: string
let session: { provider: number }
let registry: { provider: number; application: string }
let policy: string

beforeAll(async () => {
  world = await startWorld({ blockedPolicyMs: 200 })
  const source = async (slug: string, jwks: string) =>
    (
      await created(world, 'sources/oauth/', {
        name: slug,
        slug,
        provider_type: 'openidconnect',
        consumer_key: 'unused',
        consumer_secret: 'unused',
        authorization_url: 'http://unused.example',
        access_token_url: 'http://unused.example',
        profile_url: 'http://unused.example',
        oidc_jwks_url: `${world.issuers}/${jwks}`,
      })
    ).pk
  sources = {
    github: await source('github', 'github/.well-known/jwks'),
    gitlab: await source('gitlab', 'gitlab/oauth/discovery/keys'),
  }
  const { certificate, key } = await certificatePair()
  const pair = { name: 'docker-registry', certificate_data: certificate, key_data: key }
  signingKey = (await created(world, 'crypto/certificatekeypairs/', pair)).pk
  mapping = await makeMapping('docker-registry', 'return {"access": [user.username, user.is_active]}')
  const federated = { signing_key: signingKey, jwt_federation_sources: [sources.github, sources.gitlab] }
  session = await makeProvider(world, 'ci-session', { ...federated, access_token_validity: 'hours=6' })
  registry = await makeProvider(world, 'docker-registry', {
    ...federated,
    jwt_federation_providers: [session.provider],
    property_mappings: [mapping],
  })
  policy = (await created(world, 'policies/expression/', { name: 'trust', expression: 'return True' })).pk
  await created(world, 'policies/bindings/', { policy, target: registry.application, order: 0 })
})
beforeEach(() => setPolicy('return True'))
afterAll(() => world.close())

const makeMapping = async (name: string, expression: string): Promise<string> =>
  (await created(world, 'propertymappings/provider/scope/', { name, scope_name: name, expression })).pk

const setPolicy = (expression: string) => world.api('PATCH', `policies/expression/${policy}/`, { expression })
const setMapping = (expression: string) =>
  world.api('PATCH', `propertymappings/provider/scope/${mapping}/`, { expression })

const exchange = (assertion: string, form: Record<string, string> = {}, headers: Record<string, string> = {}) =>
  world.exchange(
    {
      grant_type: 'client_credentials',
      client_id: 'docker-registry',
      client_assertion_type: JWT_BEARER,
      client_assertion: assertion,
      scope: 'docker-registry',
      ...form,
    },
    headers,
  )
const github = (claims: JsonObject = {}, options = {}) => world.mint('github', { ...JOB, ...claims }, options)
const userNamed = async (username: string) =>
  (await world.api('GET', `core/users/?username=${encodeURIComponent(username)}`)).body.results[0]
const refusal = { status: 400, body: expect.objectContaining({ error: 'invalid_grant' }) }

describe('a CI token', () => {
  test('is exchanged for a token that the published keys verify', async () => {
    const { status, body } = await exchange(github())
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'docker-registry', expires_in: 600 })
    const jwks = await world.fetch('GET', '/application/o/docker-registry/jwks/')
    const { createLocalJWKSet, jwtVerify } = await import('jose')
    const { payload, protectedHeader } = await jwtVerify(body.access_token, createLocalJWKSet(jwks.body))
    expect(protectedHeader).toEqual({ alg: 'ES256', kid: jwks.body.keys[0].kid, typ: 'JWT' })
    expect(payload).toMatchObject({ aud: 'docker-registry', azp: 'docker-registry', access: [CI_USER, true] })
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(600)
  })

  test('has only the known ones of the scopes that it asked for', async () => {
    const { body } = await exchange(github(), {
      scope: 'openid docker-registry repository:acme/app:push docker-registry',
    })
    expect(body.scope).toBe('docker-registry')
  })

  test('gets an issuer made from Host and X-Forwarded-Proto', async () => {
    const { body } = await exchange(github(), {}, { 'x-forwarded-proto': 'https' })
    const host = new URL(world.url()).host
    expect(decodeJwt(body.access_token).iss).toBe(`https://${host}/application/o/docker-registry/`)
  })

  test.each([
    ['expired', () => github({}, { ttl: -1 })],
    ['not valid yet', () => github({ nbf: Date.now() / 1000 + 60 })],
    ['signed by nobody we know', () => github({}, { key: { ...world.keys.gitlab, kid: 'unknown' } })],
    [
      "signed by another source's key under this kid",
      () => github({}, { key: { ...world.keys.gitlab, kid: 'gh-key-1' } }),
    ],
    ['unsigned', () => `${btoa('{"alg":"none","kid":"gh-key-1"}')}.${btoa(JSON.stringify(JOB))}.`],
    ['no JWT', () => 'garbage'],
  ])('that is %s is refused', async (_what, assertion) => {
    expect(await exchange(assertion())).toMatchObject(refusal)
  })

  test('of any audience and of any issuer verifies: to check those is the policy’s business', async () => {
    const forged = world.mint('gitlab', { ...JOB, aud: 'somebody-else' })
    expect((await exchange(forged)).status).toBe(200)
    await setPolicy(`
from jwt import get_unverified_header
from authentik.sources.oauth.models import OAuthSource
kid = get_unverified_header(request.http_request.POST["client_assertion"])["kid"]
return OAuthSource.objects.filter(slug="github", oidc_jwks__keys__contains=[{"kid": kid}]).exists()`)
    expect(await exchange(forged)).toMatchObject(refusal)
    expect((await exchange(github())).status).toBe(200)
  })

  test('makes a user that expires with the first token, whatever later ones say', async () => {
    const sub = 'repo:acme/once'
    await exchange(github({ sub }))
    const user = await userNamed(`docker-registry-${sub}`)
    expect(user).toMatchObject({ type: 'service_account', path: 'goauthentik.io/sources/github', is_active: true })
    const expires = user.attributes['goauthentik.io/user/expires']
    await exchange(github({ sub }, { ttl: 3000 }))
    const later = await userNamed(`docker-registry-${sub}`)
    expect(later.attributes).toEqual({
      'goauthentik.io/user/generated': true,
      'goauthentik.io/user/expires': expires,
    })
  })

  test('whose user was made ahead keeps its groups and gets no expiry', async () => {
    const group = await created(world, 'core/groups/', { name: 'acl_docker_push' })
    const username = 'docker-registry-repo:acme/ahead'
    await created(world, 'core/users/', { username, name: 'ahead', groups: [group.pk] })
    await exchange(github({ sub: 'repo:acme/ahead' }))
    const user = await userNamed(username)
    expect(user.groups).toEqual([group.pk])
    expect(user.attributes).toEqual({ 'goauthentik.io/user/generated': true })
  })

  test('of a deactivated user still gets a token: the mapping must look', async () => {
    await exchange(github({ sub: 'repo:acme/off' }))
    const user = await userNamed('docker-registry-repo:acme/off')
    await world.api('PATCH', `core/users/${user.pk}/`, { is_active: false })
    const { status, body } = await exchange(github({ sub: 'repo:acme/off' }))
    expect(status).toBe(200)
    expect(decodeJwt(body.access_token).access).toEqual(['docker-registry-repo:acme/off', false])
  })

  test('eight first ones of a subject at once make one user', async () => {
    const replies = await Promise.all(Array.from({ length: 8 }, () => exchange(github({ sub: 'repo:acme/eight' }))))
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect((await world.api('GET', 'core/users/?username=docker-registry-repo:acme/eight')).body.results).toHaveLength(
      1,
    )
  })

  test('with a subject that makes the user name longer than 150 characters is answered 405 and nothing', async () => {
    const longest = 'x'.repeat(150 - 'docker-registry-'.length)
    expect((await exchange(github({ sub: longest }))).status).toBe(200)
    expect(await exchange(github({ sub: `${longest}x` }))).toMatchObject({ status: 405, body: '' })
  })
})

describe('a session', () => {
  const open = async (sub: string): Promise<string> => {
    const reply = await exchange(github({ sub }), { client_id: 'ci-session', scope: '' })
    return reply.body.access_token
  }
  const tokens = async () => (await world.api('GET', 'oauth2/access_tokens/?page_size=100')).body.results

  test('is exchanged as its own user while authentik holds it, and refused once it is deleted', async () => {
    const assertion = await open('repo:acme/session')
    const { body } = await exchange(assertion)
    expect(decodeJwt(body.access_token).access).toEqual(['ci-session-repo:acme/session', true])
    const held = (await tokens()).find((token: { id_token: string }) =>
      token.id_token.includes(String(decodeJwt(assertion).jti)),
    )
    await world.api('DELETE', `oauth2/access_tokens/${held.pk}/`)
    expect(await exchange(assertion)).toMatchObject(refusal)
  })

  test('is seen by the policy as oauth_jwt, with its user', async () => {
    await setPolicy('return context["oauth_jwt"]["aud"] == "ci-session" and request.user.username.startswith("ci-")')
    expect((await exchange(await open('repo:acme/seen'))).status).toBe(200)
    expect(await exchange(github())).toMatchObject(refusal)
  })

  test('of a user that was deactivated is refused, also after the user is activated again', async () => {
    const assertion = await open('repo:acme/off-session')
    const user = await userNamed('ci-session-repo:acme/off-session')
    await world.api('PATCH', `core/users/${user.pk}/`, { is_active: false })
    expect(await exchange(assertion)).toMatchObject(refusal)
    await world.api('PATCH', `core/users/${user.pk}/`, { is_active: true })
    expect(await exchange(assertion)).toMatchObject(refusal)
  })

  test('of a user that was deleted is refused', async () => {
    const assertion = await open('repo:acme/gone')
    await world.api('DELETE', `core/users/${(await userNamed('ci-session-repo:acme/gone')).pk}/`)
    expect(await exchange(assertion)).toMatchObject(refusal)
  })

  test('a registry token is not one', async () => {
    const { body } = await exchange(github())
    expect(await exchange(body.access_token)).toMatchObject(refusal)
  })
})

describe('user and app password', () => {
  const login = (password: string) =>
    world.exchange({
      grant_type: 'client_credentials',
      client_id: 'docker-registry',
      username: 'puller',
      password,
      scope: 'docker-registry',
    })

  test('are taken while the user is active; the policy sees the user and no oauth_jwt', async () => {
    const user = await created(world, 'core/users/', { username: 'puller', name: '' })
    const token = { identifier: 'puller', intent: 'app_password', user: user.pk, expiring: false }
    await created(world, 'core/tokens/', token)
    const { key } = (await world.api('GET', 'core/tokens/puller/view_key/')).body
    await setPolicy('return "oauth_jwt" not in request.context and request.user.username == "puller"')
    expect((await login(key)).status).toBe(200)
    expect(await login('wrong')).toMatchObject(refusal)
    await world.api('PATCH', `core/users/${user.pk}/`, { is_active: false })
    expect(await login(key)).toMatchObject(refusal)
  })
})

describe('policies', () => {
  test.each(['return 1', 'return "yes"', 'return [0]'])('%s passes', async (expression) => {
    await setPolicy(expression)
    expect((await exchange(github())).status).toBe(200)
  })

  test.each([
    'return False',
    'return 0',
    'pass',
    'raise ValueError("x")',
    'exit()',
    'return request.user.username == "docker-registry-x"',
    'return not request.user.is_anonymous',
  ])('%s refuses', async (expression) => {
    await setPolicy(expression)
    expect(await exchange(github())).toMatchObject(refusal)
  })

  test('see the names that authentik gives them', async () => {
    await setPolicy(`
ak_message("hello")
ak_logger.info("seen", a=1)
assert request.obj.slug == "docker-registry"
assert request.context["oauth_jwt"]["repository"] == "acme/app" and context is request.context
assert context["oauth_scopes"] == {"docker-registry"} and context["oauth_grant_type"] == "client_credentials"
assert http_request.META["HTTP_HOST"] == http_request.headers["Host"] == http_request.get_host()
assert ak_client_ip == ip_address("127.0.0.1") and not ak_is_sso_flow
assert not ak_is_group_member(request.user, name="acl_docker_push")
return True`)
    expect((await exchange(github())).status).toBe(200)
  })

  test('that overran 64 KB never answer', async () => {
    await setPolicy(`return True # ${'x'.repeat(64 * 1024)}`)
    await expect(exchange(github())).rejects.toThrow('fetch failed')
  })

  test('a disabled binding does not count, a failing one counts as it says', async () => {
    const path = `policies/bindings/${(await world.api('GET', 'policies/bindings/')).body.results[0].pk}/`
    await setPolicy('return undefined_name')
    expect(await exchange(github())).toMatchObject(refusal)
    await world.api('PATCH', path, { failure_result: true })
    expect((await exchange(github())).status).toBe(200)
    await world.api('PATCH', path, { failure_result: false, enabled: false })
    expect((await exchange(github())).status).toBe(200)
    await world.api('PATCH', path, { enabled: true })
  })
})

describe('a scope mapping', () => {
  test.each(['raise ValueError("x")', 'return ["no dict"]', 'pass', 'return {"access": object()}', 'exit()'])(
    '%s leaves its claims out of a token that is issued all the same',
    async (expression) => {
      await setMapping(expression)
      const { status, body } = await exchange(github())
      expect(status).toBe(200)
      expect(decodeJwt(body.access_token)).not.toHaveProperty('access')
    },
  )

  test('sees the names that authentik gives it, and groups by their attributes', async () => {
    await created(world, 'core/groups/', { name: 'rules', attributes: { text: `'''{"*\\ é` } })
    await setMapping(`
from authentik.core.models import Group
assert "oauth_jwt" not in request.context
assert request.user == user and provider.name == "docker-registry" and token.scope == ["docker-registry"]
assert request.http_request.POST.getlist("scope") == ["docker-registry"]
try:
    Group.objects.get(name="no such group")
except Group.DoesNotExist:
    return {"access": Group.objects.get(name="rules").attributes["text"]}`)
    const { body } = await exchange(github())
    expect(decodeJwt(body.access_token).access).toBe(`'''{"*\\ é`)
  })

  test('sees the groups above those of the user', async () => {
    const parent = await created(world, 'core/groups/', { name: 'parent' })
    const child = await created(world, 'core/groups/', { name: 'child', parents: [parent.pk] })
    await setMapping('return {"access": [ak_is_group_member(user, name=n) for n in ("parent", "child", "rules")]}')
    await exchange(github({ sub: 'member' }))
    const user = await userNamed('docker-registry-member')
    await world.api('POST', `core/groups/${child.pk}/add_user/`, { pk: user.pk })
    const { body } = await exchange(github({ sub: 'member' }))
    expect(decodeJwt(body.access_token).access).toEqual([true, true, false])
  })
})

test('a provider whose pair is deleted signs with its client secret from then on', async () => {
  const { certificate, key } = await certificatePair()
  const pair = { name: 'short-lived', certificate_data: certificate, key_data: key }
  const { pk } = await created(world, 'crypto/certificatekeypairs/', pair)
  const { provider } = await makeProvider(world, 'other', { signing_key: pk, jwt_federation_sources: [sources.github] })
  await world.api('DELETE', `crypto/certificatekeypairs/${pk}/`)
  expect((await world.api('GET', `providers/oauth2/${provider}/`)).body.signing_key).toBeNull()
  expect((await world.fetch('GET', '/application/o/other/jwks/')).body).toEqual({})
  expect((await exchange(github(), { client_id: 'other' })).status).toBe(200)
})

test('the global issuer mode leaves the application out of iss', async () => {
  await makeProvider(world, 'global', { issuer_mode: 'global', jwt_federation_sources: [sources.github] })
  const { body } = await exchange(github(), { client_id: 'global' })
  expect(decodeJwt(body.access_token).iss).toBe(`${world.url()}/`)
})
