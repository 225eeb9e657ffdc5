/** What differs between 2026.2 and 2026.5 and newer: the API and the token endpoint, one after the other on both. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { API_TOKEN, created, makeProvider, type World } from './fixture.ts'
import { JOB, type RegistryWorld, startRegistryWorld } from './token/fixture.ts'
import { NEWEST_VERSION, RECORDED_VERSION } from './version.ts'

const GENERATED = 'goauthentik.io/user/generated'
const EXPIRES = 'goauthentik.io/user/expires'
const LONGEST = 'x'.repeat(150 - 'docker-registry-'.length)

const refusal = { status: 400, body: expect.objectContaining({ error: 'invalid_grant' }) }

function inWorld(version: string) {
  const it = {} as RegistryWorld & { world: World; user(sub: string): Promise<{ attributes: object; path: string }> }
  beforeAll(async () => {
    Object.assign(it, await startRegistryWorld({ version }))
    it.user = (sub) => it.userNamed(`docker-registry-${sub}`)
  })
  afterAll(() => it.world.close())
  return it
}

describe.each([RECORDED_VERSION, '2026.5.6', NEWEST_VERSION])('as %s', (version) => {
  const it = inWorld(version)

  test('it answers its version, and only to an administrator', async () => {
    expect((await it.world.api('GET', 'admin/version/')).body).toEqual({
      version_current: version,
      version_latest: version,
      version_latest_valid: true,
      build_hash: 'stand-in',
      outdated: false,
      outpost_outdated: false,
    })
    const wrong = await it.world.api('GET', 'admin/version/', undefined, `${API_TOKEN}x`)
    expect(wrong).toMatchObject({ status: 403, body: { detail: 'Token invalid/expired' } })
  })

  test('every answer bears an id, which a refusal repeats', async () => {
    const answer = await fetch(`${it.world.url()}/application/o/token/`, { method: 'POST' })
    const { request_id } = (await answer.json()) as { request_id: string }
    expect(request_id).toMatch(/^[0-9a-f]{32}$/)
    expect(answer.headers.get('x-authentik-id')).toBe(request_id)
    expect((await fetch(it.world.url())).headers.get('x-authentik-id')).toMatch(/^[0-9a-f]{32}$/)
  })
})

describe('2026.2', () => {
  const it = inWorld(RECORDED_VERSION)

  test('does not know grant types: it ignores them, answers none, and exchanges all the same', async () => {
    const { provider } = await makeProvider(it.world, 'no-grants', { grant_types: [] })
    const { body } = await it.world.api('GET', `providers/oauth2/${provider}/`)
    expect(body).not.toHaveProperty('grant_types')
    expect((await it.exchange(it.github())).status).toBe(200)
  })

  test('makes a user that expires with the first token, whatever later ones say', async () => {
    const sub = 'repo:acme/once'
    await it.exchange(it.github({ sub }))
    const { attributes, ...user } = await it.user(sub)
    expect(user).toMatchObject({ type: 'service_account', path: 'goauthentik.io/sources/github', is_active: true })
    expect(attributes).toEqual({ [GENERATED]: true, [EXPIRES]: expect.any(Number) })
    await it.exchange(it.github({ sub }, { ttl: 3000 }))
    expect((await it.user(sub)).attributes).toEqual(attributes)
  })

  test('a user that was made ahead keeps its groups, gets the path of a generated one and no expiry', async () => {
    const group = await created(it.world, 'core/groups/', { name: 'acl_docker_push' })
    const sub = 'repo:acme/ahead'
    await created(it.world, 'core/users/', { username: `docker-registry-${sub}`, name: 'ahead', groups: [group.pk] })
    await it.exchange(it.github({ sub }))
    expect(await it.user(sub)).toMatchObject({ groups: [group.pk], path: 'goauthentik.io/sources/github' })
    expect((await it.user(sub)).attributes).toEqual({ [GENERATED]: true })
  })

  test('no claim names the user', async () => {
    const { body } = await it.exchange(it.github({ preferred_username: 'akadmin', nickname: 'akadmin' }))
    expect(decodeJwt(body.access_token).access).toEqual([`docker-registry-${JOB.sub}`, true])
  })

  test('a user name of more than 150 characters is answered 405 and nothing', async () => {
    expect((await it.exchange(it.github({ sub: LONGEST }))).status).toBe(200)
    expect(await it.exchange(it.github({ sub: `${LONGEST}x` }))).toMatchObject({ status: 405, body: '' })
  })
})

describe('2026.5 and newer', () => {
  const it = inWorld(NEWEST_VERSION)
  const ask = (client_id: string) => it.exchange(it.github(), { client_id })

  test('a provider that was made without grant types exchanges nothing', async () => {
    const federated = { jwt_federation_sources: [it.githubSource] }
    const { provider } = await makeProvider(it.world, 'bare', { ...federated, grant_types: [] })
    expect(await ask('bare')).toMatchObject(refusal)
    await it.world.api('PATCH', `providers/oauth2/${provider}/`, { grant_types: ['password', 'refresh_token'] })
    expect(await ask('bare')).toMatchObject(refusal)
    await it.world.api('PATCH', `providers/oauth2/${provider}/`, { grant_types: ['client_credentials'] })
    expect((await ask('bare')).status).toBe(200)
    const { body } = await it.world.api('GET', `providers/oauth2/${provider}/`)
    expect(body.grant_types).toEqual(['client_credentials'])
    const discovery = await it.world.fetch('GET', '/application/o/bare/.well-known/openid-configuration')
    expect(discovery.body.grant_types_supported).toEqual(['client_credentials'])
  })

  test('an unknown grant type is refused by name', async () => {
    const { provider } = await makeProvider(it.world, 'odd')
    const answer = await it.world.api('PATCH', `providers/oauth2/${provider}/`, { grant_types: ['magic'] })
    expect(answer).toMatchObject({ status: 400, body: { grant_types: ['"magic" is not a valid choice.'] } })
  })

  test('each exchange but the first empties the attributes of the job’s user', async () => {
    const sub = 'repo:acme/emptied'
    await it.exchange(it.github({ sub }))
    expect(await it.user(sub)).toMatchObject({ type: 'service_account', path: 'goauthentik.io/sources/github' })
    expect((await it.user(sub)).attributes).toEqual({ [GENERATED]: true, [EXPIRES]: expect.any(Number) })
    await it.exchange(it.github({ sub }))
    expect((await it.user(sub)).attributes).toEqual({})
  })

  test('a user that an administrator made loses its attributes, and all else that the exchange writes', async () => {
    const sub = 'repo:acme/ahead'
    const username = `docker-registry-${sub}`
    await created(it.world, 'core/users/', { username, name: 'ahead', path: 'users/ci', attributes: { a: 1 } })
    await it.exchange(it.github({ sub }))
    expect(await it.user(sub)).toMatchObject({
      name: expect.stringContaining('Autogenerated'),
      path: 'goauthentik.io/sources/github',
      type: 'service_account',
      attributes: {},
    })
  })

  test.each(['preferred_username', 'nickname'])('the claim %s names the user that a job acts as', async (claim) => {
    const username = `ada-${claim}`
    await created(it.world, 'core/users/', { username, name: 'Ada' })
    const { body } = await it.exchange(it.github({ [claim]: username }))
    expect(decodeJwt(body.access_token).access).toEqual([username, true])
  })

  test('a user name is cut at 150 characters, so that two subjects become one user', async () => {
    expect((await it.exchange(it.github({ sub: `${LONGEST}-one` }))).status).toBe(200)
    const { body } = await it.exchange(it.github({ sub: `${LONGEST}-two` }))
    expect(decodeJwt(body.access_token).access).toEqual([`docker-registry-${LONGEST}`, true])
  })
})

describe('X-Forwarded-Proto', () => {
  const scheme = async (version: string, trustedProxies?: string[]) => {
    const it = await startRegistryWorld({ version, ...(trustedProxies && { trustedProxies }) })
    try {
      const { body } = await it.exchange(it.github(), {}, { 'x-forwarded-proto': 'https' })
      return new URL(String(decodeJwt(body.access_token).iss)).protocol
    } finally {
      await it.world.close()
    }
  }
  test('counts from every client before 2026.5', async () => expect(await scheme(RECORDED_VERSION, [])).toBe('https:'))
  test('counts only from trusted proxies since', async () => {
    expect(await scheme(NEWEST_VERSION, ['10.0.0.0/8'])).toBe('http:')
  })
  test('counts from a trusted proxy', async () => expect(await scheme(NEWEST_VERSION)).toBe('https:'))
})
