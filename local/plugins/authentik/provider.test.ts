/** The requests that the plugin sends are those that the real Terraform provider sent in the recording. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DiffCall } from '../engine/provider.ts'
import { type Properties, reveal, UNKNOWN } from '../engine/values.ts'
import { AuthentikProvider } from './provider.ts'
import { asRecorded, type RecordedAuthentik, recording, startRecordedAuthentik } from './recorded-authentik.ts'

const URN = 'urn:pulumi:dev::shop::authentik:index/group:Group::x'
const TOKEN = 'the-api-token'
const GITHUB_ID = 'fdcf38b5-0b3e-4847-bc0a-07de113ddbb0'
const GITLAB_ID = '9bdd6e53-e7d7-461f-b1e8-1ac7cb418cdf'
const KEY_ID = 'df989994-e8dd-46d1-90ca-5075e3b79a77'

const kindToken = (kind: string) => `authentik:index/${kind.charAt(0).toLowerCase()}${kind.slice(1)}:${kind}`

let authentik: RecordedAuthentik
let provider: AuthentikProvider

beforeAll(async () => {
  authentik = await startRecordedAuthentik()
  provider = new AuthentikProvider()
  provider.configure({ url: `${authentik.url}/`, token: TOKEN })
})

afterAll(() => authentik.close())

beforeEach(() => {
  authentik.sent.length = 0
  authentik.answer = asRecorded
})

/** As the engine calls: check, then create. */
async function create(kind: string, news: Properties): Promise<{ id: string; state: Properties; inputs: Properties }> {
  const type = kindToken(kind)
  const { inputs, failures } = provider.check({
    type,
    name: 'x',
    urn: URN,
    olds: {},
    news,
    randomSeed: new Uint8Array(32),
  })
  expect(failures).toEqual([])
  const made = await provider.create({ type, name: 'x', urn: URN, inputs, preview: false })
  return { id: made.id, state: reveal(made.state) as Properties, inputs }
}

const diffCall = (
  kind: string,
  made: { id: string; state: Properties; inputs: Properties },
  news: Properties,
): DiffCall => ({
  type: kindToken(kind),
  name: 'x',
  urn: URN,
  id: made.id,
  oldState: made.state,
  oldInputs: made.inputs,
  news: { ...made.inputs, ...news },
  ignoreChanges: [],
})

const GITHUB = {
  name: 'GitHub Actions',
  slug: 'github-actions',
  providerType: 'openidconnect',
  consumerKey: 'unused',
  consumerSecret: 'unused',
  authorizationUrl: 'http://issuers.example/x',
  accessTokenUrl: 'http://issuers.example/x',
  profileUrl: 'http://issuers.example/x',
  oidcJwksUrl: 'http://issuers.example/github/.well-known/jwks',
}

const GITLAB = {
  name: 'GitLab',
  slug: 'gitlab',
  providerType: 'openidconnect',
  consumerKey: 'unused',
  consumerSecret: 'unused',
  oidcWellKnownUrl: 'http://issuers.example/gitlab/.well-known/openid-configuration',
}

const REGISTRY_PROVIDER = {
  name: 'docker-registry',
  clientId: 'docker-registry',
  authorizationFlow: '52aeb66f-b62f-4f19-b04e-0b160f9f3450',
  invalidationFlow: '55556f78-f9d3-4d5d-9205-1ccd2800a89e',
  accessTokenValidity: 'minutes=10',
  signingKey: KEY_ID,
  propertyMappings: ['cf031d9d-892a-4af9-bf23-7ba449509846'],
  jwtFederationSources: [GITHUB_ID, GITLAB_ID],
  jwtFederationProviders: [5],
}

const USER = {
  username: 'ci-puller',
  name: 'CI puller',
  path: 'users/ci',
  type: 'service_account',
  groups: ['583b30f0-8ea0-4770-a052-3793cfd009f0'],
}

/** What the Terraform provider reads back otherwise than it was sent: PEM text, with a line end. */
const readBack = (kind: string, { certificateData, keyData }: Properties): Properties =>
  kind === 'CertificateKeyPair' ? { certificateData: `${certificateData}\n`, keyData: `${keyData}\n` } : {}

describe('create sends what the Terraform provider sends', () => {
  test.each<[string, Properties, string]>([
    [
      'PropertyMappingProviderScope',
      { name: 'docker-registry', scopeName: 'docker-registry', expression: '<expression>' },
      'cf031d9d-892a-4af9-bf23-7ba449509846',
    ],
    [
      'PolicyExpression',
      { name: 'docker-registry-trust', expression: '<expression>' },
      'aee4c019-6d0a-4144-86be-0f26c02c2c4b',
    ],
    ['Group', { name: 'acl_docker_push' }, '583b30f0-8ea0-4770-a052-3793cfd009f0'],
    ['SourceOauth', GITLAB, 'gitlab'],
    ['SourceOauth', GITHUB, 'github-actions'],
    [
      'CertificateKeyPair',
      { name: 'docker-registry', certificateData: '<certificate PEM>', keyData: '<private key PEM, stripped>' },
      KEY_ID,
    ],
    ['User', USER, '15'],
    ['ProviderOauth2', REGISTRY_PROVIDER, '6'],
    ['Application', { name: 'Docker registry', slug: 'docker-registry', protocolProvider: 6 }, 'docker-registry'],
    [
      'PolicyBinding',
      { order: 0, policy: 'aee4c019-6d0a-4144-86be-0f26c02c2c4b', target: 'bfd922ea-d0b1-4bf6-bac1-5b9f73444c6e' },
      '645b5165-2bdd-4875-bf5d-22a423d837e0',
    ],
  ])('%s', async (kind, news, id) => {
    const made = await create(kind, news)
    const [first] = authentik.sent
    const recorded = recording.filter(({ method, path }) => method === 'POST' && path === first?.path)
    expect(recorded.map(({ request }) => request)).toContainEqual(first?.body)
    expect(made.id).toBe(id)
    const idProperty = `${kind.charAt(0).toLowerCase()}${kind.slice(1)}Id`
    expect(made.state).toMatchObject({ ...news, ...readBack(kind, news), [idProperty]: id })
  })
})

describe('update sends what the Terraform provider sends', () => {
  test.each<[string, Properties, Properties, string]>([
    ['SourceOauth', GITHUB, { name: 'GitHub' }, '/api/v3/sources/oauth/github-actions/'],
    ['User', USER, { name: 'CI puller 2' }, '/api/v3/core/users/15/'],
    ['ProviderOauth2', REGISTRY_PROVIDER, { accessTokenValidity: 'minutes=15' }, '/api/v3/providers/oauth2/6/'],
  ])('%s', async (kind, news, change, path) => {
    const made = await create(kind, news)
    const call = diffCall(kind, made, change)
    expect(provider.diff(call).changes).toEqual([{ path: Object.keys(change)[0], kind: 'update', replace: false }])
    await provider.update({ ...call, preview: false })
    const put = authentik.sent.find(({ method }) => method === 'PUT')
    const recorded = recording.find((exchange) => exchange.method === 'PUT' && exchange.path === path)
    expect(put).toEqual({ method: 'PUT', path, body: recorded?.request })
  })
})

describe('diff', () => {
  test('nothing after a create, with lists that the server has sorted', async () => {
    const made = await create('ProviderOauth2', REGISTRY_PROVIDER)
    expect(made.state.jwtFederationSources).toEqual([GITHUB_ID, GITLAB_ID])
    expect(provider.diff(diffCall('ProviderOauth2', made, {})).changes).toEqual([])
  })

  test('URLs that authentik discovered show as deletions, unless they are ignored', async () => {
    const made = await create('SourceOauth', GITLAB)
    const call = diffCall('SourceOauth', made, {})
    const discovered = ['accessTokenUrl', 'authorizationUrl', 'oidcJwksUrl', 'profileUrl']
    expect(provider.diff(call).changes.map(({ path, kind }) => `${kind} ${path}`)).toEqual(
      discovered.map((path) => `delete ${path}`),
    )
    expect(provider.diff({ ...call, ignoreChanges: [...discovered, 'oidcJwks'] }).changes).toEqual([])
  })

  test('a PEM text is quiet only with the one line end with which it is read back', async () => {
    const sent = {
      name: 'docker-registry',
      certificateData: '<certificate PEM>',
      keyData: '<private key PEM, stripped>',
    }
    const made = await create('CertificateKeyPair', sent)
    const changes = (end: string) => {
      const news = { ...sent, certificateData: sent.certificateData + end, keyData: sent.keyData + end }
      return provider.diff(diffCall('CertificateKeyPair', made, news)).changes.map(({ path }) => path)
    }
    expect(changes('\n')).toEqual([])
    expect(changes('').sort()).toEqual(['certificateData', 'keyData'])
    expect(changes('\n\n').sort()).toEqual(['certificateData', 'keyData'])
  })

  test('grant types show as a change each time where authentik does not know them', async () => {
    const made = await create('ProviderOauth2', REGISTRY_PROVIDER)
    const news = { grantTypes: ['client_credentials'] }
    expect(provider.diff(diffCall('ProviderOauth2', made, news)).changes.map(({ path }) => path)).toEqual([
      'grantTypes',
    ])
  })

  test('equivalent JSON is not a change', async () => {
    const call = diffCall('Group', await create('Group', { name: 'acl_docker_push' }), {})
    const oldState = { ...call.oldState, attributes: '{"a":1,"b":[2]}' }
    const changes = (attributes: string) =>
      provider.diff({ ...call, oldState, news: { ...call.news, attributes } }).changes
    expect(changes('{ "b": [2], "a": 1 }')).toEqual([])
    expect(changes('{"a":1,"b":[3]}')).toEqual([{ path: 'attributes', kind: 'update', replace: false }])
  })
})

describe('check', () => {
  const check = (kind: string, news: Properties, olds: Properties = {}) =>
    provider.check({
      type: kindToken(kind),
      name: 'pushers',
      urn: URN,
      olds,
      news,
      randomSeed: new Uint8Array(32).fill(0xab),
    })

  test('generates a name once and keeps it', () => {
    const { inputs } = check('Group', {})
    expect(inputs.name).toBe('pushers-abababa')
    expect(check('Group', {}, { ...inputs, name: 'pushers-1234567' }).inputs.name).toBe('pushers-1234567')
  })

  test('names what is missing and what is not JSON', () => {
    expect(check('User', { attributes: '{' }).failures.map(({ property }) => property)).toEqual([
      'username',
      'attributes',
    ])
    expect(check('User', { username: 'a', attributes: UNKNOWN }).failures).toEqual([])
  })
})

describe('read', () => {
  test('an import finds the inputs, without what the server fills in', async () => {
    const found = await provider.read({
      type: kindToken('Application'),
      name: 'x',
      urn: URN,
      id: 'docker-registry',
      oldState: {},
      oldInputs: {},
    })
    expect(found?.inputs).toMatchObject({ name: 'Docker registry', slug: 'docker-registry', protocolProvider: 6 })
    expect(found?.inputs).not.toHaveProperty('uuid')
  })

  test('read and delete accept that an object is gone', async () => {
    const call = { type: kindToken('Group'), name: 'x', urn: URN, id: '00000000-0000-0000-0000-000000000000' }
    await expect(provider.read({ ...call, oldState: { name: 'x' }, oldInputs: {} })).resolves.toBeUndefined()
    await expect(provider.delete({ ...call, state: {} })).resolves.toBeUndefined()
  })
})

describe('failures', () => {
  test('an object in the way: how to adopt it', async () => {
    const results = recording
      .filter(({ method, path }) => method === 'POST' && path === '/api/v3/core/groups/')
      .slice(0, 1)
    authentik.answer = ({ method }) =>
      method === 'POST'
        ? { status: 400, response: { name: ['Group with this name already exists.'] } }
        : {
            status: 200,
            response: { pagination: {}, results: results.map(({ response }) => response), autocomplete: {} },
          }
    await expect(create('Group', { name: 'acl_docker_push' })).rejects.toThrow(
      'name: Group with this name already exists. To adopt it: ' +
        'pulumi import authentik:index/group:Group x 583b30f0-8ea0-4770-a052-3793cfd009f0 ' +
        '--provider default=urn:pulumi:dev::shop::pulumi:providers:authentik::default_2026_5_0',
    )
  })

  test('a refused token: where it is set, and not the token', async () => {
    authentik.answer = () => ({ status: 403, response: { detail: 'Token invalid/expired' } })
    const refused = create('Group', { name: 'g' })
    await expect(refused).rejects.toThrow(
      /refused the API token \(403: detail: Token invalid\/expired\).*authentik:token/,
    )
    await expect(refused).rejects.not.toThrow(TOKEN)
  })

  test('no answer: the URL', async () => {
    const lonely = new AuthentikProvider()
    lonely.configure({ url: 'http://127.0.0.1:1', token: TOKEN })
    const made = lonely.create({
      type: kindToken('Group'),
      name: 'x',
      urn: URN,
      inputs: { name: 'g' },
      preview: false,
    })
    await expect(made).rejects.toThrow(/does not answer at http:\/\/127\.0\.0\.1:1.*AUTHENTIK_URL/)
  })

  test('no configuration: what to set', () => {
    const saved = { ...process.env }
    process.env.AUTHENTIK_URL = ''
    process.env.AUTHENTIK_TOKEN = ''
    try {
      expect(provider.checkConfig({}).map(({ property }) => property)).toEqual(['url', 'token'])
    } finally {
      process.env = saved
    }
  })
})
