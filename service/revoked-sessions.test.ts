import { describe, expect, it } from 'vitest'
import { presented } from '../test/presented.ts'
import { unsignedToken } from '../test/unsigned-token.ts'
import { tokenSha256 } from './request/presented.ts'
import { createRevokedSessions, refuseRevoked } from './revoked-sessions.ts'
import { Secret } from './secret.ts'
import type { IssuedToken } from './upstream/exchange.ts'

const text = unsignedToken({ ci: {} })
const session = presented({ kind: 'session', jwt: new Secret(text) })
const issued: IssuedToken = { token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: 0, access: [] }

function remembered(revokedSessions = 10) {
  const world = { nowMs: 1_000 }
  return { world, revoked: createRevokedSessions({ revokedSessions }, () => world.nowMs) }
}

describe('createRevokedSessions', () => {
  it('knows a session until it would have ended by itself', () => {
    const { world, revoked } = remembered()
    revoked.add('a', 2_000)
    expect([revoked.has('a'), revoked.has('b'), revoked.has(undefined)]).toEqual([true, false, false])
    world.nowMs = 2_000
    expect(revoked.has('a')).toBe(false)
  })

  it('knows so many', () => {
    const { revoked } = remembered(2)
    for (const each of ['a', 'b', 'c']) revoked.add(each, 2_000)
    expect(['a', 'b', 'c'].map(revoked.has)).toEqual([false, true, true])
  })

  it('knows a session that was issued, and nothing else that was', () => {
    const { revoked } = remembered()
    revoked.add(tokenSha256(text), 2_000)
    const token = new Secret(text)
    expect(revoked.includes({ ...issued, token, session: { audience: [] } })).toBe(true)
    expect(revoked.includes({ ...issued, token })).toBe(false)
    expect(revoked.includes({ ...issued, session: { audience: [] } })).toBe(false)
  })
})

describe('refuseRevoked', () => {
  const request = { credential: session, scopes: [], requestId: 'id' }

  it.each(['session', 'ci_token'] as const)('refuses it as %s, without asking', async (kind) => {
    const { revoked } = remembered()
    let asked = 0
    const exchange = refuseRevoked(async () => {
      asked += 1
      return issued
    }, revoked)
    const as = { ...request, credential: presented({ kind, jwt: new Secret(text) }) }
    expect(await exchange(as)).toBe(issued)
    revoked.add(tokenSha256(text), 2_000)
    await expect(exchange(as)).rejects.toMatchObject({ reason: 'session_revoked' })
    expect(asked).toBe(1)
  })

  it('gives no answer of before after it, though authentik was asked before', async () => {
    const { revoked } = remembered()
    const answer = Promise.withResolvers<IssuedToken>()
    const asked = refuseRevoked(() => answer.promise, revoked)(request)
    revoked.add(tokenSha256(text), 2_000)
    answer.resolve(issued)
    await expect(asked).rejects.toMatchObject({ reason: 'session_revoked' })
  })
})
