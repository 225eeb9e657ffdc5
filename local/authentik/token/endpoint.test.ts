import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { certificatePair, created, makeProvider, type World } from '../fixture.ts'
import { JOB, type RegistryWorld, startRegistryWorld } from './fixture.ts'

const CI_USER = `docker-registry-${JOB.sub}`

let world: World
let githubSource: string
let { setPolicy, exchange, github, userNamed } = {} as RegistryWorld

beforeAll(async () => {
  ;({ world, githubSource, setPolicy, exchange, github, userNamed } = await startRegistryWorld())
})
beforeEach(() => setPolicy('return True'))
afterAll(() => world.close())

const refusal = { status: 400, body: expect.objectContaining({ error: 'invalid_grant' }) }

describe('a CI token', () => {
  test('is exchanged for a token that the published keys verify', async () => {
    const { status, body } = await exchange(github())
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'docker-registry', expires_in: 600 })
    const jwks = await world.fetch('GET', '/application/o/docker-registry/jwks/')
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
    ['signed with an unknown key', () => github({}, { key: { ...world.keys.gitlab, kid: 'unknown' } })],
    [
      "signed by another source's key under this kid",
      () => github({}, { key: { ...world.keys.gitlab, kid: 'gh-key-1' } }),
    ],
    ['unsigned', () => `${btoa('{"alg":"none","kid":"gh-key-1"}')}.${btoa(JSON.stringify(JOB))}.`],
    ['not a JWT', () => 'garbage'],
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

test('a provider whose pair is deleted signs with its client secret from then on', async () => {
  const { certificate, key } = await certificatePair()
  const pair = { name: 'short-lived', certificate_data: certificate, key_data: key }
  const { pk } = await created(world, 'crypto/certificatekeypairs/', pair)
  const { provider } = await makeProvider(world, 'other', { signing_key: pk, jwt_federation_sources: [githubSource] })
  await world.api('DELETE', `crypto/certificatekeypairs/${pk}/`)
  expect((await world.api('GET', `providers/oauth2/${provider}/`)).body.signing_key).toBeNull()
  expect((await world.fetch('GET', '/application/o/other/jwks/')).body).toEqual({})
  expect((await exchange(github(), { client_id: 'other' })).status).toBe(200)
})

test('the global issuer mode leaves the application out of iss', async () => {
  await makeProvider(world, 'global', { issuer_mode: 'global', jwt_federation_sources: [githubSource] })
  const { body } = await exchange(github(), { client_id: 'global' })
  expect(decodeJwt(body.access_token).iss).toBe(`${world.url()}/`)
})
