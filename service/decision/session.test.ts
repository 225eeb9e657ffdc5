import { describe, expect, it } from 'vitest'
import { unsignedToken } from '../../test/unsigned-token.ts'
import type { Credential } from '../request/credentials.ts'
import { Secret } from '../secret.ts'
import type { Exchange, ExchangeRequest } from '../upstream/exchange.ts'
import { refreshTokenFor } from './session.ts'

const session = unsignedToken({ ci: { source: 'github', claims: {} } })
const ci: Credential = { kind: 'jwt', jwt: new Secret(unsignedToken({ sub: 'a' })) }

/** Asks for the refresh token, and tells what authentik was asked. */
async function ask(credential: Credential, { offline = true, given = session, sessions = true } = {}) {
  const asked: ExchangeRequest[] = []
  const open: Exchange = async (request) => {
    asked.push(request)
    return { token: new Secret(given), expiresInSeconds: 3600, issuedAtMs: 0, access: [] }
  }
  const refresh = await refreshTokenFor({ credential, offline, requestId: 'id' }, sessions ? open : undefined)
  return { token: refresh?.token.reveal(), asked }
}

describe('refreshTokenFor', () => {
  it('makes a session from a CI token, without scopes, as none are granted by a session', async () => {
    expect(await ask(ci)).toEqual({ token: session, asked: [{ credential: ci, scopes: [], requestId: 'id' }] })
  })

  it.each([true, false])('gives a session back as it came, asked for (%s) or not', async (offline) => {
    const kept: Credential = { kind: 'session', jwt: new Secret('whatever') }
    expect(await ask(kept, { offline })).toEqual({ token: 'whatever', asked: [] })
  })

  it('makes no session from a session that somebody uses as a password', async () => {
    expect(await ask({ kind: 'jwt', jwt: new Secret(session) })).toEqual({ token: session, asked: [] })
  })

  it.each<[string, Credential, object]>([
    ['nobody asked for one', ci, { offline: false }],
    ['sessions are off', ci, { sessions: false }],
    ['a user has an app password', { kind: 'password', username: 'a', password: new Secret('p') }, {}],
    ['nobody is logged in', { ...ci, anonymous: true } as Credential, {}],
  ])('gives none when %s', async (_, credential, options) => {
    expect(await ask(credential, options)).toEqual({ token: undefined, asked: [] })
  })

  it('refuses a session that carries no claims, as each push with it would fail', async () => {
    await expect(ask(ci, { given: unsignedToken({}) })).rejects.toMatchObject({
      reason: 'credentials_refused',
      message: expect.stringContaining('deactivated'),
    })
  })
})
