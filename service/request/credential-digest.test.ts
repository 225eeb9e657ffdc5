import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../secret.ts'
import { createCredentialDigest, createKeyedHash } from './credential-digest.ts'
import type { Credential } from './credentials.ts'

const jwt = (text: string): Credential => ({ kind: 'jwt', jwt: new Secret(text) })
const session = (text: string): Credential => ({ kind: 'session', jwt: new Secret(text) })
const user = (username: string, password: string): Credential => ({
  kind: 'password',
  username,
  password: new Secret(password),
})
const anonymous = (credential: Credential) => ({ ...credential, anonymous: true }) as Credential

const digest = createCredentialDigest(createKeyedHash(Buffer.from('made at start')))

describe('createCredentialDigest', () => {
  it('gives the SHA-256 of a token, so that who holds it finds its lines', () => {
    const sha256 = createHash('sha256').update('a.b.c').digest('hex')
    expect([digest(jwt('a.b.c')).sha256, digest(session('a.b.c')).sha256]).toEqual([sha256, sha256])
  })

  it('gives none of a password, which could be guessed by it', () => {
    expect(digest(user('deploy', 'hunter2')).sha256).toBeUndefined()
  })

  it('gives the same key for the same credential, however often it is read', () => {
    for (const make of [
      () => jwt('a.b.c'),
      () => session('a.b.c'),
      () => user('a', 'b'),
      () => anonymous(user('a', 'b')),
    ]) {
      expect(digest(make()).key).toBe(digest(make()).key)
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
  ])('tells %s apart', (_, one, other) => expect(digest(one).key).not.toBe(digest(other).key))

  it('gives keys that are good in this process only', () => {
    const elsewhere = createCredentialDigest(createKeyedHash(Buffer.from('another start')))
    expect(elsewhere(jwt('a.b.c')).key).not.toBe(digest(jwt('a.b.c')).key)
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
        expect(digest(one.credential).key === digest(other.credential).key).toBe(one.id === other.id)
        expect(digest(one.credential).key).toMatch(/^[\w-]{43}$/)
      }),
      { numRuns: 500 },
    )
  })
})
