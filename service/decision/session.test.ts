import { describe, expect, it } from 'vitest'
import { presented } from '../../test/presented.ts'
import { unsignedToken } from '../../test/unsigned-token.ts'
import type { Credential } from '../request/credentials.ts'
import { Secret } from '../secret.ts'
import type { Exchange, ExchangeRequest } from '../upstream/exchange.ts'
import { readGrant } from './access.ts'
import { isLoginToken, keptSession, openSession } from './session.ts'

const audience = 'docker-registry'
const session = unsignedToken({ ci: { source: 'github', claims: {} } })
const ci: Credential = { kind: 'ci_token', jwt: new Secret(unsignedToken({ sub: 'a' })) }
const inPlaceOfAPassword: Credential = { kind: 'ci_token', jwt: new Secret(session) }

/** Asks for a session, and tells what authentik was asked. */
async function ask(credential: Credential, { offline = true, given = session, sessions = true } = {}) {
  const asked: ExchangeRequest[] = []
  const open: Exchange = async (request) => {
    asked.push(request)
    return { token: new Secret(given), expiresInSeconds: 3600, issuedAtMs: 0, ...readGrant(given) }
  }
  const opened = await openSession(
    { credential: presented(credential), offline, requestId: 'id' },
    sessions ? open : undefined,
  )
  return { token: opened?.token.reveal(), asked }
}

describe('openSession', () => {
  it('makes a session from a CI token, without scopes, as none are granted by a session', async () => {
    expect(await ask(ci)).toEqual({
      token: session,
      asked: [{ credential: presented(ci), scopes: [], offline: true, requestId: 'id' }],
    })
  })

  it.each<[string, Credential, object]>([
    ['nobody asked for one', ci, { offline: false }],
    ['sessions are off', ci, { sessions: false }],
    ['a user has an app password', { kind: 'password', username: 'a', password: new Secret('p') }, {}],
    ['nobody is logged in', { ...ci, anonymous: true } as Credential, {}],
    ['the client has one', { kind: 'session', jwt: new Secret('whatever') }, {}],
    ['the client uses one as a password', inPlaceOfAPassword, {}],
  ])('makes none when %s', async (_, credential, options) => {
    expect(await ask(credential, options)).toEqual({ token: undefined, asked: [] })
  })

  it('refuses a session that carries no claims, as each push with it would fail', async () => {
    await expect(ask(ci, { given: unsignedToken({}) })).rejects.toMatchObject({
      reason: 'credentials_refused',
      message: expect.stringContaining('deactivated'),
    })
  })
})

describe('keptSession', () => {
  const kept = (credential: Credential, offline: boolean) =>
    keptSession({ credential: presented(credential), offline, requestId: 'id' })?.token.reveal()

  it.each([true, false])('gives a session back as it came, asked for (%s) or not', (offline) => {
    expect(kept({ kind: 'session', jwt: new Secret('whatever') }, offline)).toBe('whatever')
  })

  it('gives back one that somebody uses as a password, to whoever asks for one', () => {
    expect([kept(inPlaceOfAPassword, true), kept(inPlaceOfAPassword, false)]).toEqual([session, undefined])
  })

  it.each<[string, Credential]>([
    ['a CI token', ci],
    ['a password', { kind: 'password', username: 'a', password: new Secret('p') }],
    ['what stands in for nobody', { ...inPlaceOfAPassword, anonymous: true } as Credential],
  ])('gives back nothing for %s', (_, credential) => {
    expect(kept(credential, true)).toBeUndefined()
  })
})

describe('isLoginToken', () => {
  const of = (claims: object) => {
    const token = unsignedToken(claims)
    const issued = { token: new Secret(token), expiresInSeconds: 3600, issuedAtMs: 0, ...readGrant(token) }
    return isLoginToken(issued, audience)
  }

  it('takes a session that is meant for the registry and grants nothing', () => {
    expect(of({ ci: {}, aud: ['ci-session', audience], access: [] })).toBe(true)
  })

  it.each([
    ['is for sessions alone, as before', { aud: 'ci-session', access: [] }],
    ['is for another registry', { aud: ['ci-session', 'other'], access: [] }],
    ['is for the registry alone', { aud: audience, access: [] }],
    ['says nothing of its audience', { access: [] }],
    [
      'opens a repository',
      { aud: ['ci-session', audience], access: [{ type: 'repository', name: 'a', actions: ['pull'] }] },
    ],
  ])('leaves one alone that %s', (_, claims) => {
    expect(of({ ci: {}, ...claims })).toBe(false)
  })
})
