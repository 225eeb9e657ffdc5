/** The grants of people, their browsers and devices. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { created, makeProvider, type World } from '../fixture.ts'
import { type RegistryWorld, startRegistryWorld } from './fixture.ts'
import { DEVICE_CODE } from './grant-types.ts'

const CLIENT = 'people'
const REDIRECT = 'https://client.example/back'
const SCOPE = 'grant offline_access'

const refused = (error: string) => ({ status: 400, body: expect.objectContaining({ error }) })

let it: RegistryWorld
let world: World
let provider: number
let secret: string
let basic: string

beforeAll(async () => {
  it = await startRegistryWorld()
  world = it.world
  const mapping = async (scope_name: string, expression: string) =>
    (await created(world, 'propertymappings/provider/scope/', { name: scope_name, scope_name, expression })).pk
  const expression = 'return {"seen": [user.username, http_request.POST.get("grant_type")]}'
  const property_mappings = [await mapping('grant', expression), await mapping('offline_access', 'return {}')]
  provider = (await makeProvider(world, CLIENT, { property_mappings })).provider
  secret = (await world.api('GET', `providers/oauth2/${provider}/`)).body.client_secret
  const { pk } = await created(world, 'core/users/', { username: 'ada', name: 'Ada' })
  const token = { identifier: 'ada', intent: 'app_password', user: pk, expiring: false }
  await created(world, 'core/tokens/', token)
  const { key } = (await world.api('GET', 'core/tokens/ada/view_key/')).body
  basic = `Basic ${btoa(`ada:${key}`)}`
})
afterAll(() => world.close())

const allow = (...grant_types: string[]) =>
  world.api('PATCH', `providers/oauth2/${provider}/`, {
    grant_types,
    redirect_uris: [{ matching_mode: 'strict', url: REDIRECT }],
  })
beforeEach(() => allow('authorization_code', 'implicit', 'hybrid', 'refresh_token', DEVICE_CODE))

const post = (path: string, form: Record<string, string>) =>
  fetch(`${world.url()}${path}`, { method: 'POST', body: new URLSearchParams({ client_id: CLIENT, ...form }) })

async function visit(path: string, query: Record<string, string>, authorization = basic) {
  const url = `${world.url()}${path}?${new URLSearchParams(query)}`
  const answer = await fetch(url, { redirect: 'manual', headers: { authorization } })
  const location = answer.headers.get('location') ?? ''
  return { status: answer.status, location, answered: new URLSearchParams(location.split(/[?#]/)[1]) }
}

const authorize = (response_type: string, redirect_uri = REDIRECT) =>
  visit('/application/o/authorize/', { client_id: CLIENT, response_type, redirect_uri, scope: SCOPE, state: 's' })

const token = (form: Record<string, string>) => world.exchange({ client_id: CLIENT, client_secret: secret, ...form })

const redeem = async (code: string) => token({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT })

const seen = (jwt: string) => decodeJwt(jwt).seen

describe('a code', () => {
  test('is redeemed once, runs the mapping with its grant type, and gives a refresh token', async () => {
    const code = (await authorize('code')).answered.get('code') ?? ''
    const { body } = await redeem(code)
    expect(seen(body.access_token)).toEqual(['ada', 'authorization_code'])
    expect(await redeem(code)).toMatchObject(refused('invalid_grant'))

    const again = await token({ grant_type: 'refresh_token', refresh_token: body.refresh_token })
    expect(seen(again.body.access_token)).toEqual(['ada', 'refresh_token'])
    const reused = await token({ grant_type: 'refresh_token', refresh_token: body.refresh_token })
    expect(reused).toMatchObject(refused('invalid_grant'))
  })

  test('needs the client secret and the redirect URI it was made for', async () => {
    const code = (await authorize('code')).answered.get('code') ?? ''
    const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT }
    expect(await token({ ...form, client_secret: 'wrong' })).toMatchObject(refused('invalid_client'))
    expect(await token({ ...form, redirect_uri: 'https://evil.example' })).toMatchObject(refused('invalid_grant'))
  })

  test('is made for a person who is logged in, whom the policies let in, and an allowed redirect URI', async () => {
    const query = { client_id: CLIENT, response_type: 'code', redirect_uri: REDIRECT }
    expect((await visit('/application/o/authorize/', query, 'Basic eDp5')).status).toBe(401)
    expect((await authorize('code', 'https://evil.example')).status).toBe(400)
  })
})

test('the first visitor’s redirect URI is kept where the provider has none', async () => {
  await world.api('PATCH', `providers/oauth2/${provider}/`, { redirect_uris: [] })
  expect((await authorize('code', 'https://evil.example/x')).status).toBe(302)
  const { body } = await world.api('GET', `providers/oauth2/${provider}/`)
  expect(body.redirect_uris).toEqual([{ matching_mode: 'strict', url: 'https://evil.example/x' }])
})

test('implicit and hybrid tokens come with the redirect, without a form', async () => {
  const implicit = await authorize('id_token token')
  expect(implicit.location).toContain('#')
  expect(seen(implicit.answered.get('access_token') ?? '')).toEqual(['ada', null])
  const hybrid = await authorize('code token')
  expect(seen(hybrid.answered.get('access_token') ?? '')).toEqual(['ada', null])
  expect(hybrid.answered.get('code')).toBeTruthy()
})

test('a device waits until a person allows it', async () => {
  const answer = (await (await post('/application/o/device/', { scope: SCOPE })).json()) as Record<string, string>
  const form = { grant_type: DEVICE_CODE, device_code: answer.device_code ?? '' }
  expect(await token(form)).toMatchObject(refused('authorization_pending'))
  expect((await visit('/device', { code: answer.user_code ?? '' })).status).toBe(200)
  const { body } = await token(form)
  expect(seen(body.access_token)).toEqual(['ada', DEVICE_CODE])
})

describe('a provider for client credentials alone', () => {
  beforeEach(() => allow('client_credentials'))

  test.each(['code', 'token', 'code id_token'])('answers no response type %s', async (type) => {
    expect((await authorize(type)).status).toBe(400)
  })
  test('starts no device', async () => expect((await post('/application/o/device/', {})).status).toBe(400))
  test.each([
    'authorization_code',
    'refresh_token',
    'password',
    DEVICE_CODE,
    'urn:ietf:params:oauth:grant-type:token-exchange',
  ])('refuses %s', async (grant_type) => expect(await token({ grant_type })).toMatchObject(refused('invalid_grant')))
})

test('an unknown grant type is unsupported', async () => {
  expect(await token({ grant_type: 'magic' })).toMatchObject(refused('unsupported_grant_type'))
})

describe('revocation', () => {
  const session = async () => {
    const reply = await it.exchange(it.github({ sub: 'repo:acme/revoked' }), { client_id: 'ci-session', scope: '' })
    return reply.body.access_token as string
  }
  const sessionProvider = async () => {
    const { body } = await world.api('GET', 'providers/oauth2/?name=ci-session')
    return body.results[0] as { pk: number; client_secret: string }
  }
  const revoke = (form: Record<string, string>) => post('/application/o/revoke/', { client_id: 'ci-session', ...form })

  test('of a confidential client’s token needs the client secret', async () => {
    const token = await session()
    expect((await revoke({ token })).status).toBe(401)
    expect((await it.exchange(token)).status).toBe(200)
    const { client_secret } = await sessionProvider()
    expect((await revoke({ token, client_secret })).status).toBe(200)
    expect(await it.exchange(token)).toMatchObject(refused('invalid_grant'))
  })

  test('of a public client’s token needs the token alone; its assertion stays needed', async () => {
    const { pk } = await sessionProvider()
    await world.api('PATCH', `providers/oauth2/${pk}/`, { client_type: 'public' })
    const token = await session()
    expect((await post('/application/o/revoke/', { client_id: 'docker-registry', token })).status).toBe(401)
    expect((await revoke({ token })).status).toBe(200)
    expect(await it.exchange(token)).toMatchObject(refused('invalid_grant'))
    expect((await revoke({ token })).status).toBe(200)
    const form = { grant_type: 'client_credentials', client_id: 'ci-session' }
    expect(await world.exchange(form)).toMatchObject(refused('invalid_grant'))
    expect(await world.exchange({ ...form, client_secret: '' })).toMatchObject(refused('invalid_grant'))
  })
})
