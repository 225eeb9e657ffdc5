import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { authentikApi } from './api.ts'
import { type FakeAuthentik, json, list, startFakeAuthentik } from './authentik-api.fixture.ts'
import { readKeyHistory } from './key-history.ts'

let authentik: FakeAuthentik
beforeAll(async () => {
  authentik = await startFakeAuthentik()
})
beforeEach(() => authentik.reset())
afterAll(() => authentik[Symbol.asyncDispose]())

const signsWith = (name: string) => {
  authentik.answers['providers/oauth2'] = list({ pk: 7, signing_key: 'a-uuid' })
  authentik.answers['crypto/certificatekeypairs/a-uuid'] = json({ pk: 'a-uuid', name })
}
const read = (application: string) =>
  readKeyHistory(authentikApi({ url: authentik.url, token: 'token' }), application, 2)

describe('what authentik knows of the keys', () => {
  it('is nothing where the stack is new', async () => {
    expect(await read('docker-registry')).toEqual({ signing: undefined, record: undefined, revoked: false })
  })

  it.each([
    ['docker-registry', 'docker-registry-2', '2'],
    ['docker-registry', 'docker-registry-1.1', '1.1'],
    ['ci-session', 'ci-session-12', '12'],
    // The one key of older stacks.
    ['ci-session', 'docker-registry', '1'],
    ['docker-registry', 'docker-registry', undefined],
    ['docker-registry', 'ci-session-1', undefined],
    ['docker-registry', 'docker-registry-of-the-company', undefined],
    ['docker-registry', 'authentik Self-signed Certificate', undefined],
  ])('of %s, which signs with the pair %s, is key %s', async (application, pair, key) => {
    signsWith(pair)
    expect((await read(application)).signing).toBe(key)
  })

  it('says since when, as the application has it', async () => {
    authentik.answers['core/applications'] = list({ meta_description: 'Signs with key 2 since 2026-11-26T20:00:00Z.' })
    expect((await read('docker-registry')).record).toMatchObject({ key: '2' })
    expect(authentik.asked.join('\n')).toContain('slug=docker-registry&superuser_full_list=true')
  })

  it('has a key of revokeKeys if there is a pair of its name', async () => {
    authentik.answers['crypto/certificatekeypairs'] = (request, response, query) =>
      list(...(query.get('name') === 'docker-registry-2.1' ? [{ pk: 'a' }] : []))(request, response, query)
    expect((await read('docker-registry')).revoked).toBe(true)
    expect((await read('ci-session')).revoked).toBe(false)
  })
})
