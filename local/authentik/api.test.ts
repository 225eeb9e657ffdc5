import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certificatePair, created, makeProvider, OAUTH_SOURCE, startWorld, type World } from './fixture.ts'
import type { JsonObject } from './rows.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

const source = (slug: string, values: JsonObject) => ({ ...OAUTH_SOURCE, name: slug, slug, ...values })
const group = (name: string) => created(world, 'core/groups/', { name })

describe('who may call', () => {
  test('refuses requests without a token, with 403 and not 401', async () => {
    const reply = await world.fetch('GET', '/api/v3/core/groups/')
    expect(reply).toMatchObject({ status: 403, body: { detail: 'Authentication credentials were not provided.' } })
  })

  test('no user without rights, even with an API token', async () => {
    const user = await created(world, 'core/users/', { username: 'reader', name: '' })
    await created(world, 'core/tokens/', { identifier: 'reader', intent: 'api', user: user.pk, expiring: false })
    await world.api('POST', 'core/tokens/reader/set_key/', { key: 'key-of-the-reader' })
    const reply = await world.api('GET', 'core/groups/', undefined, 'key-of-the-reader')
    expect(reply).toMatchObject({
      status: 403,
      body: { detail: 'You do not have permission to perform this action.' },
    })
  })

  test('no app password', async () => {
    await created(world, 'core/tokens/', { identifier: 'admin-app', intent: 'app_password' })
    const { key } = (await world.api('GET', 'core/tokens/admin-app/view_key/')).body
    expect((await world.api('GET', 'core/groups/', undefined, key)).status).toBe(403)
  })

  test('no token that has expired', async () => {
    await created(world, 'core/tokens/', { identifier: 'short', intent: 'api' })
    const { key } = (await world.api('GET', 'core/tokens/short/view_key/')).body
    expect((await world.api('GET', 'core/groups/', undefined, key)).status).toBe(200)
    world.advance(31 * 60)
    expect((await world.api('GET', 'core/groups/', undefined, key)).status).toBe(403)
  })
})

describe('what is refused', () => {
  test.each<[string, JsonObject, JsonObject]>([
    ['core/groups/', { name: null }, { name: ['This field may not be null.'] }],
    ['core/groups/', { name: ' ' }, { name: ['This field may not be blank.'] }],
    ['core/groups/', { name: 'g', is_superuser: 'x' }, { is_superuser: ['Must be a valid boolean.'] }],
    ['core/groups/', { name: 'g', parents: ['x'] }, { parents: ['Invalid pk "x" - object does not exist.'] }],
    ['core/groups/', { name: 'g', users: 1 }, { users: ['Expected a list of items but got type "int".'] }],
    [
      'core/users/',
      { name: 'n', username: 'u'.repeat(151) },
      {
        username: ['Ensure this field has no more than 150 characters.'],
      },
    ],
    ['core/users/', { name: 'n', username: 'u', type: 'robot' }, { type: ['"robot" is not a valid choice.'] }],
    [
      'core/applications/',
      { name: 'n', slug: 'a b' },
      {
        slug: ['Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.'],
      },
    ],
    [
      'crypto/certificatekeypairs/',
      { name: 'n', certificate_data: 'x' },
      {
        certificate_data: ['Unable to load certificate.'],
      },
    ],
  ])('%s %j', async (path, body, errors) => {
    expect(await world.api('POST', path, body)).toMatchObject({ status: 400, body: errors })
  })

  test('an expression that is no Python', async () => {
    const body = { name: 'broken', scope_name: 'x', expression: 'return (' }
    const reply = await world.api('POST', 'propertymappings/provider/scope/', body)
    expect(reply.status).toBe(400)
    expect(reply.body.expression[0]).toMatch(/^Expression Syntax Error: '\(' was never closed/)
  })

  test('a duration in another notation', async () => {
    const { provider } = await makeProvider(world, 'durations')
    const reply = await world.api('PATCH', `providers/oauth2/${provider}/`, { access_token_validity: '10m' })
    expect(reply.body).toEqual({ access_token_validity: ["10m is not in the correct format of 'hours=3;minutes=1'."] })
  })

  test('two of one name, made at the same moment', async () => {
    const body = { name: 'twin', expression: 'return True' }
    const replies = await Promise.all([1, 2].map(() => world.api('POST', 'policies/expression/', body)))
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 400])
  })

  test('the same binding twice, and one of nothing', async () => {
    const { application } = await makeProvider(world, 'bound')
    const { pk } = await created(world, 'policies/expression/', { name: 'bound', expression: 'return True' })
    const body = { policy: pk, target: application, order: 0 }
    await created(world, 'policies/bindings/', body)
    expect((await world.api('POST', 'policies/bindings/', body)).body).toEqual({
      non_field_errors: ['The fields policy, target, order must make a unique set.'],
    })
    const nothing = await world.api('POST', 'policies/bindings/', { target: application, order: 1 })
    expect(nothing).toMatchObject({ status: 400, body: { non_field_errors: [expect.any(String)] } })
  })

  test('bodies that are not a JSON object', async () => {
    const headers = { authorization: 'Bearer api-token-of-the-tests', 'content-type': 'application/json' }
    for (const body of ['{', '[]']) {
      expect((await fetch(`${world.url()}/api/v3/core/groups/`, { method: 'POST', headers, body })).status).toBe(400)
    }
  })

  test('paths that are none, and bodies without end', async () => {
    const status = await new Promise((resolve) => {
      request(world.url(), { path: '//' }, (response) => resolve(response.resume().statusCode)).end()
    })
    expect(status).toBe(404)
    const body = 'x'.repeat(16 * 1024 * 1024 + 1)
    expect((await fetch(`${world.url()}/application/o/token/`, { method: 'POST', body })).status).toBe(413)
  })

  test('methods that an object does not have', async () => {
    expect((await world.api('POST', 'oauth2/access_tokens/', {})).status).toBe(405)
    expect((await world.api('DELETE', 'flows/instances/default-source-enrollment/')).status).toBe(405)
  })
})

describe('changing', () => {
  test('PUT needs the required fields, PATCH does not; neither touches what is not named', async () => {
    const { pk } = await created(world, 'core/groups/', { name: 'changing', attributes: { a: 1 } })
    expect((await world.api('PUT', `core/groups/${pk}/`, { attributes: {} })).status).toBe(400)
    expect((await world.api('PUT', `core/groups/${pk}/`, { name: 'changed' })).body.attributes).toEqual({ a: 1 })
    expect((await world.api('PATCH', `core/groups/${pk}/`, { attributes: {} })).body.name).toBe('changed')
  })

  test('a group’s list of users is its membership', async () => {
    const user = await created(world, 'core/users/', { username: 'member', name: 'A Member' })
    const { pk } = await created(world, 'core/groups/', { name: 'with members', users: [user.pk] })
    expect((await world.api('GET', `core/users/${user.pk}/`)).body.groups).toEqual([pk])
    await world.api('PATCH', `core/groups/${pk}/`, { users: [] })
    expect((await world.api('GET', `core/users/${user.pk}/`)).body.groups).toEqual([])
  })

  test('adding a user that does not exist is 404', async () => {
    const { pk } = await group('without members')
    expect((await world.api('POST', `core/groups/${pk}/add_user/`, { pk: 99_999 })).status).toBe(404)
  })

  test('expressions and keys are kept without the white space around them; the key id follows the kept text', async () => {
    const { certificate, key } = await certificatePair()
    const pair = { name: 'padded', certificate_data: `\n${certificate}\n`, key_data: `\n${key}\n\n` }
    const { pk } = await created(world, 'crypto/certificatekeypairs/', pair)
    expect((await world.api('GET', `crypto/certificatekeypairs/${pk}/view_private_key/`)).body.data).toBe(key.trim())
    await makeProvider(world, 'padded', { signing_key: pk })
    const { keys } = (await world.fetch('GET', '/application/o/padded/jwks/')).body
    expect(keys[0].kid).toBe(createHash('sha512').update(key.trim()).digest('base64url'))
  })
})

describe('lists', () => {
  test('come in pages', async () => {
    for (let i = 0; i < 25; i += 1) await group(`page ${i}`)
    const first = (await world.api('GET', 'core/groups/?search=page&page_size=20')).body
    expect(first.results).toHaveLength(20)
    expect(first.pagination).toMatchObject({ next: 2, previous: 0, count: 25, total_pages: 2, end_index: 20 })
    const second = (await world.api('GET', 'core/groups/?search=page&page_size=20&page=2')).body
    expect(second.results).toHaveLength(5)
    expect(second.pagination).toMatchObject({ next: 0, previous: 1, start_index: 21, end_index: 25 })
    expect((await world.api('GET', 'core/groups/?page=99')).status).toBe(404)
  })

  test('are filtered by the value of a field', async () => {
    await created(world, 'core/users/', { username: 'exact', name: 'x', type: 'service_account' })
    const find = async (query: string) => (await world.api('GET', `core/users/?${query}`)).body.results
    expect(await find('username=exact')).toHaveLength(1)
    expect(await find('username=exact&type=internal')).toHaveLength(0)
    expect(await find('username=exac')).toHaveLength(0)
  })
})

describe('sources', () => {
  test('with an inline JWKS and no URL are taken as they are', async () => {
    const oidc_jwks = { keys: [{ kty: 'RSA', kid: 'inline' }] }
    expect((await created(world, 'sources/oauth/', source('inline', { oidc_jwks }))).oidc_jwks).toEqual(oidc_jwks)
  })

  test('fetch their keys again when they are saved', async () => {
    const url = `${world.issuers}/gitlab/.well-known/openid-configuration`
    await created(world, 'sources/oauth/', source('again', { oidc_well_known_url: url }))
    world.keys.gitlab = { ...world.keys.gitlab, kid: 'rotated' }
    const reply = await world.api('PUT', 'sources/oauth/again/', source('again', { oidc_well_known_url: url }))
    expect(reply.body.oidc_jwks.keys[0].kid).toBe('rotated')
  })

  test.each([
    ['oidc_well_known_url', '/gitlab/oauth/discovery/keys', 'Invalid well-known configuration'],
    ['oidc_well_known_url', '/nothing', 'not found'],
    ['oidc_jwks_url', '/nothing', 'not found'],
  ])('are refused where %s is %s', async (field, path, message) => {
    const reply = await world.api('POST', 'sources/oauth/', source('refused', { [field]: world.issuers + path }))
    expect(reply.status).toBe(400)
    expect(reply.body[field][0]).toContain(message)
  })

  test('without the URLs of a login are refused', async () => {
    const { profile_url: _left, ...body } = source('no-urls', {})
    expect((await world.api('POST', 'sources/oauth/', body)).body).toEqual({
      non_field_errors: ['profile_url is required for provider OpenID Connect'],
    })
  })
})

describe('deleting', () => {
  const exists = async (path: string) => (await world.api('GET', path)).status === 200

  test('follows the references: required ones go along, others are cleared', async () => {
    const { pk: mapping } = await created(world, 'propertymappings/provider/scope/', {
      name: 'gone',
      scope_name: 'gone',
      expression: 'return {}',
    })
    const { pk: sourcePk } = await created(world, 'sources/oauth/', source('gone', {}))
    const first = await makeProvider(world, 'first', {
      property_mappings: [mapping],
      jwt_federation_sources: [sourcePk],
    })
    const second = await makeProvider(world, 'second', { jwt_federation_providers: [first.provider] })
    expect((await world.api('GET', `providers/oauth2/${first.provider}/used_by/`)).body).toEqual([
      expect.objectContaining({ model_name: 'application', name: 'first', action: 'set_null' }),
      expect.objectContaining({ model_name: 'oauth2provider', name: 'second', action: 'cascade_many' }),
    ])
    const { pk: policy } = await created(world, 'policies/expression/', { name: 'gone', expression: 'return True' })
    const binding = await created(world, 'policies/bindings/', { policy, target: first.application, order: 0 })

    await world.api('DELETE', `propertymappings/provider/scope/${mapping}/`)
    await world.api('DELETE', 'sources/oauth/gone/')
    const provider = (await world.api('GET', `providers/oauth2/${first.provider}/`)).body
    expect(provider).toMatchObject({ property_mappings: [], jwt_federation_sources: [] })

    await world.api('DELETE', `providers/oauth2/${first.provider}/`)
    expect((await world.api('GET', 'core/applications/first/')).body.provider).toBeNull()
    expect((await world.api('GET', `providers/oauth2/${second.provider}/`)).body.jwt_federation_providers).toEqual([])

    await world.api('DELETE', 'core/applications/first/')
    expect(await exists(`policies/bindings/${binding.pk}/`)).toBe(false)
    expect(await exists(`policies/expression/${policy}/`)).toBe(true)
  })

  test('a user takes its tokens along, a group leaves its users', async () => {
    const { pk } = await group('leaving')
    const user = await created(world, 'core/users/', { username: 'leaving', name: '', groups: [pk] })
    await created(world, 'core/tokens/', { identifier: 'leaving', user: user.pk })
    await world.api('DELETE', `core/groups/${pk}/`)
    expect((await world.api('GET', `core/users/${user.pk}/`)).body.groups).toEqual([])
    await world.api('DELETE', `core/users/${user.pk}/`)
    expect(await exists('core/tokens/leaving/')).toBe(false)
  })
})

test('everything is still there after a restart, and numbers are not handed out twice', async () => {
  const kept = await created(world, 'core/users/', { username: 'kept', name: 'Kept' })
  await world.api('DELETE', `core/users/${kept.pk}/`)
  const { pk } = await group('kept')
  await world.restart()
  expect((await world.api('GET', `core/groups/${pk}/`)).body.name).toBe('kept')
  const next = await created(world, 'core/users/', { username: 'next', name: 'Next' })
  expect(next.pk).toBeGreaterThan(kept.pk)
})

test('no secret is shown where authentik does not show it', async () => {
  const body = source('secret', { consumer_secret: 'the-consumer-secret' })
  expect(JSON.stringify(await created(world, 'sources/oauth/', body))).not.toContain('the-consumer-secret')
  await created(world, 'core/tokens/', { identifier: 'secret' })
  const { key } = (await world.api('GET', 'core/tokens/secret/view_key/')).body
  expect(JSON.stringify((await world.api('GET', 'core/tokens/')).body)).not.toContain(key)
})
