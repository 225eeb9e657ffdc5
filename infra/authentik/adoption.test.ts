import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { adoptionCommand, findTaken, isNameTaken } from './adoption.ts'
import { authentikApi } from './api.ts'
import { type FakeAuthentik, json, list, startFakeAuthentik } from './authentik-api.fixture.ts'

const GROUP = 'authentik:index/group:Group'
const SOURCE = 'authentik:index/sourceOauth:SourceOauth'
const PROVIDER = 'authentik:index/providerOauth2:ProviderOauth2'

const failure = (errors: string[], operation = 'create') => ({
  type: GROUP,
  name: "the team's group",
  operation,
  errors,
})
const taken = (more: object = {}) => ({ id: 'b3f0', usedBy: [], isLogin: false, ...more })

describe('isNameTaken', () => {
  it.each([
    'Group with this name already exists.',
    'This field must be unique.',
    'The fields name, provider must make a unique set.',
  ])('knows "%s"', (error) => {
    expect(isNameTaken(failure(['retrying', error]))).toBe(true)
  })

  it('leaves other failures and other operations alone', () => {
    expect(isNameTaken(failure(['Token invalid/expired']))).toBe(false)
    expect(isNameTaken(failure(['Group with this name already exists.'], 'update'))).toBe(false)
  })
})

describe('adoptionCommand', () => {
  it('names the object and the whole command, quoted for a shell', () => {
    const text = adoptionCommand(failure([]), taken(), 'urn:pulumi:s::p::T::access')
    expect(text).toContain(`authentik already has "the team's group"`)
    expect(text.replaceAll('\\\n', '').replace(/ +/g, ' ')).toContain(
      `pulumi import ${GROUP} 'the team'\\''s group' 'b3f0' ` +
        `--parent 'parent=urn:pulumi:s::p::T::access' ` +
        `--provider 'authentik=urn:pulumi:s::p::pulumi:providers:authentik::default_2026_5_0' --protect=false`,
    )
  })

  it('says that adopting overwrites, and what uses the object', () => {
    const usedBy = ['application "Wiki"', 'b', 'c', 'd', 'e', 'f', 'g']
    const text = adoptionCommand(failure([]), taken({ usedBy }), 'urn')
    expect(text).toContain('It is used by application "Wiki", b, c, d, e and 2 more.')
    expect(text).toContain('OVERWRITES')
    expect(adoptionCommand(failure([]), taken(), 'urn')).toContain('Nothing in authentik refers to it.')
  })

  it('says what to fill in when the object could not be looked up', () => {
    const text = adoptionCommand(failure([]), undefined, 'urn')
    expect(text).toContain('where ID is its primary key')
    expect(text).toContain('What uses it could not be found out.')
  })

  it('refuses a source by which people log in', () => {
    const source = { ...failure([]), type: SOURCE, name: 'docker-registry-github' }
    const text = adoptionCommand(source, taken({ isLogin: true }), 'urn')
    expect(text).toContain('has a login source "docker-registry-github"')
    expect(text).toContain('OVERWRITE')
    expect(text).not.toContain('pulumi import')
    expect(adoptionCommand(source, undefined, 'urn')).toContain('its consumer key is "unused"')
  })
})

describe('findTaken', () => {
  let fake: FakeAuthentik
  beforeAll(async () => {
    fake = await startFakeAuthentik()
  })
  beforeEach(() => fake.reset())
  afterAll(() => fake[Symbol.asyncDispose]())
  const find = (type: string, inputs: Record<string, unknown>) =>
    findTaken(authentikApi({ url: fake.url, token: 't' }), type, inputs)

  it('finds by the unique fields, and what uses it', async () => {
    fake.answers['core/groups'] = list({ pk: 'g' })
    fake.answers['core/groups/g/used_by'] = json([
      { app: 'x', model_name: 'policybinding', pk: '1', name: 'b', action: 'cascade' },
    ])
    expect(await find(GROUP, { name: 'writers' })).toEqual({ id: 'g', usedBy: ['policybinding "b"'], isLogin: false })
    expect(fake.asked[0]).toContain('/api/v3/core/groups/?name=writers')
  })

  it('finds a provider of another name by its client id', async () => {
    fake.answers['providers/oauth2'] = (request, response, query) =>
      (query.has('client_id') ? list({ pk: 12 }) : list())(request, response, query)
    expect(await find(PROVIDER, { name: 'docker-registry', clientId: 'docker' })).toMatchObject({ id: '12' })
  })

  it.each([
    ['unused', false],
    ['Iv1.0123', true],
  ])('knows by the consumer key %s whether people log in', async (consumer_key, isLogin) => {
    fake.answers['sources/oauth'] = list({ pk: 'uuid', slug: 'docker-registry-github', consumer_key })
    const found = await find(SOURCE, { slug: 'docker-registry-github' })
    expect(found).toEqual({ id: 'docker-registry-github', usedBy: undefined, isLogin })
  })

  it.each([[[]], [[{ pk: 'p' }, { pk: 'q' }]]])('guesses nothing where the list is %j', async (rows) => {
    fake.answers['core/groups'] = list(...rows)
    await expect(find(GROUP, { name: 'x' })).rejects.toThrow('shows no such')
  })
})
