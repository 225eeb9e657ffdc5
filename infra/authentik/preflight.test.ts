import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { authentikApi } from './api.ts'
import { type FakeAuthentik, json, list, startFakeAuthentik, version } from './authentik-api.fixture.ts'
import { checkAuthentik } from './preflight.ts'

let fake: FakeAuthentik
beforeAll(async () => {
  fake = await startFakeAuthentik()
})
beforeEach(() => fake.reset())
afterAll(() => fake[Symbol.asyncDispose]())

const check = () =>
  checkAuthentik(authentikApi({ url: fake.url, token: 't' }), [{ slug: 'github' }, { slug: 'gitlab' }])

describe('an authentik', () => {
  it.each(['2026.5.0', '2026.8.1', '2026.12.0', '2027.2.0-rc1'])('%s is worked with', async (text) => {
    fake.answers['admin/version'] = version(text)
    expect(await check()).toEqual({
      hasGrantTypes: true,
      flows: {
        authorization: 'flow default-provider-authorization-implicit-consent',
        invalidation: 'flow default-provider-invalidation-flow',
      },
      lostSources: [],
      warnings: [],
    })
  })

  it('2026.2 is worked with as before, with a warning', async () => {
    fake.answers['admin/version'] = version('2026.2.2')
    const { hasGrantTypes, warnings } = await check()
    expect(hasGrantTypes).toBe(false)
    expect(warnings).toEqual([expect.stringMatching(/is 2026\.2\.2, which is out of support\..*2026\.5 or newer/)])
  })

  it('that is older is refused, before anything else is asked', async () => {
    fake.answers['admin/version'] = version('2025.12.4')
    await expect(check()).rejects.toThrow(/is 2025\.12\.4, which is too old: 2026\.5 or newer is needed/)
    expect(fake.asked).toHaveLength(1)
  })

  it.each([
    [version('soon'), /expected one like 2026\.5\.0, got "soon"/],
    [version({ x: 'y'.repeat(500) }), /got \{"x":"y{50,60}\. /],
    [json({}), /got nothing/],
    [json(null), /got nothing/],
    [json([]), /got nothing/],
    [json({ detail: 'Token invalid/expired' }, 403), /refuses the API token/],
  ])('that says no version is refused %#', async (answer, sentence) => {
    fake.answers['admin/version'] = answer
    await expect(check()).rejects.toThrow(sentence)
  })

  it('that does not show its flows to this token is refused', async () => {
    fake.answers['flows/instances'] = list()
    await expect(check()).rejects.toThrow(/shows no flow "default-provider-.*" to this API token.*administrator/)
  })
})

describe('a source of the short slug', () => {
  const provider = (...uuids: string[]) => list({ pk: 7, jwt_federation_sources: uuids })
  const source =
    (consumer_key: string): (typeof fake.answers)[string] =>
    (request, response, query) =>
      list({ pk: `uuid-of-${query.get('slug')}`, consumer_key })(request, response, query)

  it('that this stack made and that still is its own goes with the old ones', async () => {
    fake.answers['providers/oauth2'] = provider('uuid-of-github')
    fake.answers['sources/oauth'] = source('unused')
    expect((await check()).lostSources).toEqual([])
  })

  it('that people log in through now is left alone, and a warning says so', async () => {
    fake.answers['providers/oauth2'] = provider('uuid-of-github')
    fake.answers['sources/oauth'] = source('Iv1.0123')
    const { lostSources, warnings } = await check()
    expect(lostSources).toEqual(['github'])
    expect(warnings).toEqual([expect.stringMatching(/source "github".*stays as it is/)])
  })

  it('that never was this stack’s is of no interest', async () => {
    fake.answers['providers/oauth2'] = provider('uuid-of-docker-registry-github')
    fake.answers['sources/oauth'] = source('Iv1.0123')
    expect(await check()).toMatchObject({ lostSources: [], warnings: [] })
  })
})
