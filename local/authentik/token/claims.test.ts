/** What a token says, and what ends it: claims laid over its own, its issuer, its subject, its provider's key. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { certificatePair, created, makeProvider, type World } from '../fixture.ts'
import type { JsonObject } from '../rows.ts'
import { JOB, type RegistryWorld, startRegistryWorld } from './fixture.ts'

let it: RegistryWorld
let world: World
beforeAll(async () => {
  it = await startRegistryWorld()
  world = it.world
})
afterAll(() => world.close())

const pair = async (name: string): Promise<string> => {
  const { certificate, key } = await certificatePair()
  const data = { name, certificate_data: certificate, key_data: key }
  return (await created(world, 'crypto/certificatekeypairs/', data)).pk
}

/** A session provider whose mapping writes these claims, and a registry provider that exchanges its tokens. */
async function providers(name: string, claims: string, values: JsonObject = {}) {
  const body = { name, scope_name: name, expression: `return ${claims}` }
  const mapping = await created(world, 'propertymappings/provider/scope/', body)
  const common = { signing_key: await pair(name), jwt_federation_sources: [it.githubSource], ...values }
  const session = await makeProvider(world, name, { ...common, property_mappings: [mapping.pk] })
  const registry = `${name}-registry`
  await makeProvider(world, registry, { ...common, jwt_federation_providers: [session.provider] })
  const login = async () => {
    const { body } = await it.exchange(it.github(), { client_id: name, scope: name })
    return body.access_token as string
  }
  const exchange = (token: string) => it.exchange(token, { client_id: registry, scope: '' })
  return { ...session, login, exchange }
}

test('a mapping’s claims are laid over the token’s own, audience included; it stays a session', async () => {
  const claims = '{"ci": {}, "aud": ["over", "docker-registry"], "access": []}'
  const { login, exchange } = await providers('over', claims, { issuer_mode: 'global' })
  const session = await login()
  expect(decodeJwt(session)).toMatchObject({
    aud: ['over', 'docker-registry'],
    access: [],
    azp: 'over',
    iss: `${world.url()}/`,
  })
  const { status, body } = await exchange(session)
  expect(status).toBe(200)
  expect(decodeJwt(body.access_token).iss).toBe(`${world.url()}/`)
})

test('with sub_mode user_username the subject identifies the job, also in a session and in tokens made from it', async () => {
  const { login, exchange } = await providers('readable', '{}', { sub_mode: 'user_username' })
  const session = await login()
  expect(decodeJwt(session).sub).toBe(`readable-${JOB.sub}`)
  const { body } = await exchange(session)
  expect(decodeJwt(body.access_token).sub).toBe(`readable-${JOB.sub}`)
})

test('another key of the provider ends its sessions, the old one back makes them valid again', async () => {
  const { provider, login, exchange } = await providers('rotated', '{}')
  const session = await login()
  const before = (await world.api('GET', `providers/oauth2/${provider}/`)).body.signing_key
  await world.api('PATCH', `providers/oauth2/${provider}/`, { signing_key: await pair('next') })
  expect((await exchange(session)).status).toBe(400)
  await world.api('PATCH', `providers/oauth2/${provider}/`, { signing_key: before })
  expect((await exchange(session)).status).toBe(200)
})

test('another key of the registry provider leaves sessions as they are', async () => {
  const { login, exchange } = await providers('kept', '{}')
  const session = await login()
  const { results } = (await world.api('GET', 'providers/oauth2/?name=kept-registry')).body
  await world.api('PATCH', `providers/oauth2/${results[0].pk}/`, { signing_key: await pair('kept-next') })
  expect((await exchange(session)).status).toBe(200)
})
