import { describe, expect, it } from 'vitest'
import { changesOf } from './changes.ts'
import { SECRET, type Step, UNKNOWN } from './preview.ts'

const URN = 'urn:pulumi:s::p::T$'
const step = (kind: string, inputs: object, more: Partial<Step> = {}): Step => ({
  op: 'create',
  urn: `${URN}${kind}::docker-registry`,
  type: `authentik:index/${kind.charAt(0).toLowerCase()}${kind.slice(1)}:${kind}`,
  name: 'docker-registry',
  parent: undefined,
  inputs: inputs as Step['inputs'],
  dependencies: {},
  ignoreChanges: [],
  changes: [],
  ...more,
})
const fields = (...args: Parameters<typeof changesOf>) => changesOf(...args).map(({ field }) => field)
const none = new Map<string, unknown>()

describe('the fields of an object that would be overwritten', () => {
  it('are those whose values differ, in words', () => {
    const row = { pk: 1, access_token_validity: 'hours=1', sub_mode: 'hashed_user_id', client_id: 'docker-registry' }
    const inputs = { accessTokenValidity: 'minutes=10', subMode: 'hashed_user_id', clientId: 'docker-registry' }
    expect(changesOf(step('ProviderOauth2', inputs), row, none)).toEqual([
      { field: 'accessTokenValidity', inWords: '"hours=1" becomes "minutes=10"' },
    ])
  })

  it('are not those that Terraform takes for the same', () => {
    const row = { pk: 'g', name: 'g', is_superuser: false, attributes: { b: [1], a: 2 } }
    expect(fields(step('Group', { name: 'g', isSuperuser: false, attributes: '{"a":2,"b":[1]}' }), row, none)).toEqual(
      [],
    )
    const uris = { redirect_uris: [{ matching_mode: 'strict', url: 'u', redirect_uri_type: 'authorization' }] }
    const wanted = { allowedRedirectUris: [{ matching_mode: 'strict', url: 'u' }] }
    expect(fields(step('ProviderOauth2', wanted), { pk: 1, ...uris }, none)).toEqual([])
  })

  it('are those of which the program says nothing, unless authentik fills them in', () => {
    const row = { pk: 'a', slug: 'docker-registry', meta_launch_url: 'https://wiki', provider: 4 }
    expect(changesOf(step('Application', { slug: 'docker-registry' }), row, none)).toEqual([
      { field: 'metaLaunchUrl', inWords: '"https://wiki" is taken away' },
      { field: 'protocolProvider', inWords: '4 is taken away' },
    ])
    const provider = { pk: 1, client_secret: 'hidden', grant_types: ['implicit'] }
    expect(changesOf(step('ProviderOauth2', {}), provider, none)).toEqual([])
  })

  it('are not those that the program ignores', () => {
    const row = { pk: 's', oidc_jwks: { keys: [] }, oidc_jwks_url: 'u', consumer_key: 'unused' }
    const inputs = { oidcJwksUrl: 'u', consumerKey: 'unused', consumerSecret: SECRET }
    expect(fields(step('SourceOauth', inputs, { ignoreChanges: ['oidcJwks'] }), row, none)).toEqual(['consumerSecret'])
  })

  it('never show secrets, expressions or attributes', () => {
    const row = { pk: 'p', expression: 'password = "hunter2"' }
    expect(changesOf(step('PolicyExpression', { expression: 'return True' }), row, none)).toEqual([
      { field: 'expression', inWords: undefined },
    ])
  })
})

describe('a field that names other objects', () => {
  const inputs = { propertyMappings: [UNKNOWN], signingKey: UNKNOWN }
  const dependencies = { propertyMappings: ['mapping'], signingKey: ['pair'] }
  const provider = step('ProviderOauth2', inputs, { dependencies })

  it('stays where they are adopted too', () => {
    const row = { pk: 1, property_mappings: ['m'], signing_key: 'k' }
    const ids = new Map<string, unknown>([
      ['mapping', 'm'],
      ['pair', 'k'],
    ])
    expect(fields(provider, row, ids)).toEqual([])
    expect(fields(provider, { ...row, property_mappings: ['m', 'openid'] }, ids)).toEqual(['propertyMappings'])
  })

  it('may get another order, which Terraform takes for a change', () => {
    const two = step(
      'ProviderOauth2',
      { jwtFederationSources: [UNKNOWN, UNKNOWN] },
      { dependencies: { jwtFederationSources: ['a', 'b'] } },
    )
    const ids = new Map([
      ['a', '1'],
      ['b', '2'],
    ])
    expect(changesOf(two, { pk: 1, jwt_federation_sources: ['2', '1'] }, ids)).toEqual([
      { field: 'jwtFederationSources', inWords: 'the same, perhaps in another order' },
    ])
    const known = step('ProviderOauth2', { jwtFederationSources: ['2', '1'] })
    expect(fields(known, { pk: 1, jwt_federation_sources: ['2', '1'] }, ids)).toEqual([])
  })

  it('changes where one is still to be made', () => {
    const row = { pk: 1, property_mappings: ['m'], signing_key: 'k' }
    expect(changesOf(provider, row, new Map([['mapping', 'm']]))).toEqual([
      { field: 'signingKey', inWords: 'an object that is still to be made' },
    ])
  })
})
