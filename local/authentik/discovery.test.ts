import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JSONWebKeySet } from 'jose'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startIssuers } from '../issuers/server.ts'
import { fetchDiscovery, refreshKeys } from './discovery.ts'
import type { OAuthSource } from './rows.ts'
import { Store } from './store.ts'

let directory: string
let published: JSONWebKeySet
let issuers: Awaited<ReturnType<typeof startIssuers>>

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stand-in-authentik-'))
  published = { keys: [{ kty: 'RSA', kid: 'first' }] }
  issuers = await startIssuers({ keys: () => published })
})
afterEach(async () => {
  await issuers.close()
  await rm(directory, { recursive: true })
})

test('a well-known URL fills in what was not given, and the keys', async () => {
  const values: Record<string, unknown> = {
    oidc_well_known_url: `${issuers.url}/gitlab/.well-known/openid-configuration`,
    profile_url: 'http://own.example',
    authorization_url: null,
  }
  await fetchDiscovery(values)
  expect(values).toMatchObject({
    authorization_url: `${issuers.url}/gitlab/oauth/authorize`,
    profile_url: 'http://own.example',
    oidc_jwks_url: `${issuers.url}/gitlab/oauth/discovery/keys`,
    oidc_jwks: published,
  })
})

test('keys are fetched again; a source whose server is gone keeps what it has', async () => {
  const store = await Store.open(directory)
  const jwksUrl = `${issuers.url}/github/.well-known/jwks`
  const source = { pk: 's', slug: 'github', oidc_jwks_url: jwksUrl, oidc_jwks: published } as OAuthSource
  store.insert('sources', source)
  published = { keys: [{ kty: 'RSA', kid: 'second' }] }
  const log = pino({ level: 'silent' })
  await refreshKeys(store, log)
  expect(source.oidc_jwks).toEqual(published)
  await issuers.close()
  await refreshKeys(store, log)
  expect(source.oidc_jwks).toEqual(published)
})
