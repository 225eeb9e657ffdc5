import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deleteExpired } from './deletion.ts'
import type { AccessToken, User } from './rows.ts'
import { Store } from './store.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stand-in-authentik-'))
})
afterAll(() => rm(directory, { recursive: true }))

test('expired CI users go, with their tokens; others and people stay', async () => {
  const store = await Store.open(directory)
  const user = (pk: number, attributes: object) =>
    store.insert('users', { pk, username: `user ${pk}`, groups: [], roles: [], attributes } as unknown as User)
  const seconds = NOW / 1000
  const generated = { 'goauthentik.io/user/generated': true }
  user(1, { ...generated, 'goauthentik.io/user/expires': seconds - 1 })
  user(2, { ...generated, 'goauthentik.io/user/expires': seconds + 1 })
  user(3, generated)
  user(4, { 'goauthentik.io/user/expires': seconds - 1 })
  const token = (pk: number, owner: number, expires: string) =>
    store.insert('accessTokens', { pk, user: owner, provider: 1, expires } as AccessToken)
  token(1, 1, '2027-01-01T00:00:00Z')
  token(2, 2, '2027-01-01T00:00:00Z')
  token(3, 2, '2026-11-23T11:59:59Z')

  deleteExpired(store, NOW)
  expect(store.all('users').map(({ pk }) => pk)).toEqual([2, 3, 4])
  expect(store.all('accessTokens').map(({ pk }) => pk)).toEqual([2])
})
