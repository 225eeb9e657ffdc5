import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { type FakeAuthentik, json, startFakeAuthentik, version } from '../../infra/authentik/authentik-api.fixture.ts'
import { authentikVersion } from './authentik-version.ts'

let fake: FakeAuthentik
beforeAll(async () => {
  fake = await startFakeAuthentik()
})
beforeEach(() => {
  fake.reset()
  vi.stubEnv('AUTHENTIK_TOKEN', 'of-an-administrator')
})
afterEach(() => vi.unstubAllEnvs())
afterAll(() => fake[Symbol.asyncDispose]())

it.each([
  [version('2026.8.3'), /^2026\.8\.3$/],
  [version('2026.2.2'), /^2026\.2\.2, out of support: 2026\.5 or newer/],
  [json({ detail: 'Token invalid/expired' }, 403), /^of an unknown version: .*refuses the API token/],
])('gives the version, or the reason why it is not known %#', async (answer, words) => {
  fake.answers['admin/version'] = answer
  expect(await authentikVersion({ authentikUrl: fake.url, standInAuthentik: false })).toMatch(words)
})
