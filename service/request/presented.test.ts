import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unsignedToken } from '../../test/unsigned-token.ts'
import { audience, githubClaims, policy } from '../../trust/decision/policy.fixture.ts'
import type { Policy } from '../../trust/decision/policy.ts'
import { Secret } from '../secret.ts'
import type { Credential } from './credentials.ts'
import { createKeyedHash, createPresent } from './presented.ts'

const jwt = (text: string): Credential => ({ kind: 'ci_token', jwt: new Secret(text) })
const session = (text: string): Credential => ({ kind: 'session', jwt: new Secret(text) })
const user = (username: string, password: string): Credential => ({
  kind: 'password',
  username,
  password: new Secret(password),
})
const anonymous = (credential: Credential) => ({ ...credential, anonymous: true }) as Credential

const presentWith = (secret: string, rules?: Policy) =>
  createPresent({
    keyed: createKeyedHash(Buffer.from(secret)),
    policy: () => rules,
    now: Date.now,
    sessions: false,
  })
const present = presentWith('made at start')

describe('createPresent', () => {
  it('gives the SHA-256 of a token, so that who holds it finds its lines', () => {
    const sha256 = createHash('sha256').update('a.b.c').digest('hex')
    expect([present(jwt('a.b.c')).sha256, present(session('a.b.c')).sha256]).toEqual([sha256, sha256])
  })

  it('gives none of a password, which could be guessed by it', () => {
    expect(present(user('deploy', 'hunter2')).sha256).toBeUndefined()
  })

  it('gives the same key for the same credential, however often it is read', () => {
    for (const make of [
      () => jwt('a.b.c'),
      () => session('a.b.c'),
      () => user('a', 'b'),
      () => anonymous(user('a', 'b')),
    ]) {
      expect(present(make()).key).toBe(present(make()).key)
    }
  })

  it.each<[string, Credential, Credential]>([
    ['another token', jwt('a.b.c'), jwt('a.b.d')],
    ['the same token as a session', jwt('a.b.c'), session('a.b.c')],
    ['the same token for nobody in particular', jwt('a.b.c'), anonymous(jwt('a.b.c'))],
    ['another user', user('a', 'p'), user('b', 'p')],
    ['another password', user('a', 'p'), user('a', 'q')],
    ['a colon on the other side', user('a', 'b:c'), user('a:b', 'c')],
    ['a letter on the other side', user('ab', 'c'), user('a', 'bc')],
    ['a password that is a token', user('', 'a.b.c'), jwt('a.b.c')],
  ])('tells %s apart', (_, one, other) => expect(present(one).key).not.toBe(present(other).key))

  it('gives keys that are good in this process only', () => {
    const elsewhere = presentWith('another start')
    expect(elsewhere(jwt('a.b.c')).key).not.toBe(present(jwt('a.b.c')).key)
  })

  it('tells any two credentials apart, and shows nothing of them', () => {
    // What readCredential lets through: no control characters, and no colon in a name.
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter((s) => !/\p{Cc}/u.test(s))
    const credential = fc.oneof(
      text.map((token) => ({ id: `jwt ${token}`, text: token, credential: jwt(token) })),
      text.map((token) => ({ id: `session ${token}`, text: token, credential: session(token) })),
      fc.tuple(text, text).map(([name, password]) => ({
        id: `password ${name}\0${password}`,
        text: password,
        credential: user(name, password),
      })),
    )
    fc.assert(
      fc.property(credential, credential, (one, other) => {
        expect(present(one.credential).key === present(other.credential).key).toBe(one.id === other.id)
        expect(present(one.credential).key).toMatch(/^[\w-]{43}$/)
      }),
      { numRuns: 500 },
    )
  })

  it('decodes a token, whether it came as a CI token or as a session', () => {
    const token = unsignedToken({ sub: 'a' })
    for (const credential of [jwt(token), session(token)]) {
      expect(present(credential).token?.claims).toMatchObject({ sub: 'a' })
    }
  })

  it.each(['', 'hunter2', 'a.b.c', 'a.b', `${unsignedToken({})}.more`, 'x'.repeat(100_000)])(
    'decodes nothing of what is not a JWT, such as a password: %j',
    (text) => expect(present(jwt(text)).token).toBeUndefined(),
  )

  it('compares a token with the rules, and nothing else', () => {
    const ruled = presentWith('made at start', policy)
    const job = jwt(unsignedToken({ ...githubClaims, aud: audience }))
    expect(ruled(job).advised).toMatchObject({ policy, check: { ok: true }, endedSeconds: 0 })
    expect(ruled(jwt('garbage')).advised).toMatchObject({ check: { ok: false } })
    expect([present(job).advised, ruled(user('a', unsignedToken({}))).advised]).toEqual([undefined, undefined])
  })

  it('takes nothing of a user name and a password for a token, not even a password that is one', () => {
    expect(present(user('a', unsignedToken({}))).token).toBeUndefined()
  })
})
