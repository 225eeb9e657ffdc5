import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { presented } from '../../test/presented.ts'
import { unsignedToken } from '../../test/unsigned-token.ts'
import { TokenError } from '../errors.ts'
import { limits as usual } from '../limits.ts'
import type { Credential } from '../request/credentials.ts'
import { Secret } from '../secret.ts'
import type { Exchange } from './exchange.ts'
import { createTokenCache, type TokenCacheDependencies } from './token-cache.ts'

const dependencies: TokenCacheDependencies = {
  limits: usual,
  now: () => 0,
  count: () => {},
  admit: () => {},
  isRevoked: () => false,
}
const ci = (text: string): Credential => ({ kind: 'ci_token', jwt: new Secret(text) })

describe('room', () => {
  /** Asks for tokens of so many characters, one for each credential, and tells how often authentik was asked. */
  const filled = (own: Partial<typeof usual>, characters = 1_000) => {
    const cache = createTokenCache({ ...dependencies, limits: { ...usual, ...own } })
    let calls = 0
    const exchange = cache.remember(async () => {
      calls += 1
      return { token: new Secret('x'.repeat(characters)), expiresInSeconds: 600, issuedAtMs: 0, access: [] }
    }, 'registry')
    const ask = (name: string | number) =>
      exchange({ credential: presented(ci(String(name))), scopes: [], requestId: 'id' })
    return { cache, ask, calls: () => calls }
  }

  it('for so many tokens; the one unused for longest goes first', async () => {
    const { cache, ask, calls } = filled({ cacheEntries: 3 })
    for (const name of ['a', 'b', 'c', 'a', 'd']) await ask(name)
    expect([cache.entries(), calls()]).toEqual([3, 4])
    await ask('a')
    expect(calls()).toBe(4)
    await ask('b')
    expect(calls()).toBe(5)
  })

  it('for so many bytes, counted with what an entry costs', async () => {
    const { cache, ask } = filled({ cacheBytes: 100_000 })
    for (let index = 0; index < 1_000; index++) {
      await ask(index)
      expect(cache.bytes()).toBeLessThanOrEqual(100_000)
    }
    expect(cache.bytes()).toBeGreaterThan(cache.entries() * 1_000)
    expect(cache.entries()).toBeGreaterThan(25)
  })

  it('not for a token that is larger than all of it, which is answered all the same', async () => {
    const { cache, ask, calls } = filled({ cacheBytes: 5_000 }, 10_000)
    expect((await ask('a')).token.reveal()).toHaveLength(10_000)
    await ask('a')
    expect([calls(), cache.entries(), cache.bytes()]).toEqual([2, 0, 0])
  })
})

describe('the rate of a credential', () => {
  it('is asked for only when authentik would be, and by the key that hides the credential', async () => {
    const admitted: string[] = []
    let nowMs = 0
    const cache = createTokenCache({ ...dependencies, now: () => nowMs, admit: (key) => admitted.push(key) })
    const ask = cache.remember(
      async () => ({ token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: nowMs, access: [] }),
      'registry',
    )
    const request = { credential: presented(ci('a.b.c')), scopes: [], requestId: 'id' }
    await Promise.all([ask(request), ask(request)])
    await ask(request)
    expect(admitted).toEqual([request.credential.key])
    nowMs = usual.cacheMs
    await ask(request)
    expect(admitted).toHaveLength(2)
  })

  it('that is exceeded keeps authentik from being asked, and is not remembered', async () => {
    let open = false
    let calls = 0
    const cache = createTokenCache({
      ...dependencies,
      admit: () => {
        if (!open) throw new TokenError('rate_limited', 'no', { waitSeconds: 1 })
      },
    })
    const ask = cache.remember(async () => {
      calls += 1
      return { token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: 0, access: [] }
    }, 'registry')
    const request = { credential: presented(ci('a.b.c')), scopes: [], requestId: 'id' }
    await expect(ask(request)).rejects.toMatchObject({ reason: 'rate_limited' })
    expect(calls).toBe(0)
    open = true
    expect((await ask(request)).token.reveal()).toBe('t')
  })
})

describe('whatever is asked, in whatever order', () => {
  const credentialEndsMs = 150_000
  const endingToken = (jti: string) => unsignedToken({ jti, exp: credentialEndsMs / 1000 })
  const credentials: Credential[] = [
    ci(endingToken('a')),
    ci(endingToken('b')),
    { kind: 'session', jwt: new Secret(endingToken('a')) },
    { kind: 'password', username: 'a', password: new Secret('b') },
    { kind: 'password', username: 'a', password: new Secret('c') },
    { kind: 'password', username: 'b', password: new Secret('b') },
    { kind: 'password', username: 'b', password: new Secret('b'), anonymous: true },
  ]
  const step = fc.record({
    who: fc.nat(credentials.length - 1),
    scopes: fc.shuffledSubarray(['a:a:pull', 'a:b:pull']),
    purpose: fc.constantFrom('registry', 'session'),
    passesMs: fc.oneof(fc.constant(0), fc.nat(20_000)),
    /** Of the token, should authentik be asked; of the credential, always. */
    livesSeconds: fc.integer({ min: 50, max: 200 }),
    fails: fc.integer({ min: 0, max: 9 }).map((die) => die === 0),
  })

  it('nobody gets the token of another, nor for other scopes, nor one that is over', async () => {
    let fromCache = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), async (steps) => {
        let nowMs = 0
        const cache = createTokenCache({
          ...dependencies,
          // A refusal that is remembered takes its time only in front of a person.
          limits: { ...usual, cacheEntries: 20, refusalEntries: 3, slowRefusalMs: 0 },
          now: () => nowMs,
          count: (source) => {
            if (source === 'hit') fromCache += 1
          },
        })
        for (const { who, scopes, purpose, passesMs, livesSeconds, fails } of steps) {
          nowMs += passesMs
          const label = (order: readonly string[]) => `${purpose} ${who} ${order.toSorted().join(' ')}`
          const exchange: Exchange = async (request) => {
            if (fails) throw new TokenError('credentials_refused', label(request.scopes))
            const token = new Secret(label(request.scopes))
            return { token, expiresInSeconds: livesSeconds, issuedAtMs: nowMs, access: [] }
          }
          const credential = credentials[who]
          if (!credential) throw new Error('unreachable')
          const askedMs = nowMs
          const answer = await cache
            .remember(
              exchange,
              purpose,
            )({ credential: presented(credential), scopes, requestId: 'id' })
            .catch((error: TokenError) => error)
          if (answer instanceof TokenError) {
            expect(answer.message).toBe(label(scopes))
            continue
          }
          expect(answer.token.reveal()).toBe(label(scopes))
          const ageMs = askedMs - answer.issuedAtMs
          expect(ageMs).toBeLessThan(usual.cacheMs)
          if (ageMs > 0) {
            expect(answer.expiresInSeconds * 1000 - ageMs).toBeGreaterThan(usual.tokenMarginMs)
            if (credential.kind !== 'password') {
              expect(credentialEndsMs - askedMs).toBeGreaterThan(usual.credentialMarginMs)
            }
          }
        }
        expect(cache.entries()).toBeLessThanOrEqual(20)
      }),
      { numRuns: 300 },
    )
    expect(fromCache).toBeGreaterThan(100)
  })
})
