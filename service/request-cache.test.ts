import { describe, expect, it } from 'vitest'
import { document, policy, policyOf } from '../trust/decision/policy.fixture.ts'
import { createKeyedHash } from './request/presented.ts'
import { type CachedAnswer, createRequestCache, type RequestCacheDependencies } from './request-cache.ts'
import { Secret } from './secret.ts'

const answered = (name: string, length = 0): CachedAnswer => ({
  given: {
    issued: { token: new Secret(name.padEnd(length, '.')), expiresInSeconds: 600, issuedAtMs: 0, access: [] },
    refreshToken: undefined,
  },
  audit: { write: () => {}, bytes: 0 },
  tokens: [],
})

/** Time stands still until a test moves it. */
function requestCache(own: Partial<RequestCacheDependencies> = {}) {
  const world = { nowMs: 1_000_000, policy, revoked: '' }
  const { find, keep } = createRequestCache({
    limits: { requestCacheEntries: 100, cacheBytes: 1_000_000 },
    now: () => world.nowMs,
    keyed: createKeyedHash(Buffer.from('secret')),
    policy: () => world.policy,
    revoked: { has: (sha256) => sha256 !== undefined && sha256 === world.revoked },
    ...own,
  })
  return { world, find: (request: string) => find(request)?.given.issued.token.reveal().replaceAll('.', ''), keep }
}

describe('createRequestCache', () => {
  it('finds what was asked to the letter, and nothing else', () => {
    const { world, find, keep } = requestCache()
    keep('GET Basic YTpi scope=a', answered('a'), world.nowMs + 1)
    expect(find('GET Basic YTpi scope=a')).toBe('a')
    for (const other of [
      'GET Basic YTpj scope=a',
      'GET Basic YTpi scope=b',
      'GET basic YTpi scope=a',
      'POST scope=a',
      '',
    ]) {
      expect(find(other)).toBeUndefined()
    }
  })

  it('for as long as it was told, and not at all once that is over', () => {
    const { world, find, keep } = requestCache()
    keep('a', answered('a'), world.nowMs + 1_000)
    keep('b', answered('b'), world.nowMs)
    world.nowMs += 999
    expect([find('a'), find('b')]).toEqual(['a', undefined])
    world.nowMs += 1
    expect(find('a')).toBeUndefined()
  })

  it('no longer when the clock is set back', () => {
    const { world, find, keep } = requestCache()
    keep('a', answered('a'), world.nowMs + 1_000)
    world.nowMs -= 1
    expect(find('a')).toBeUndefined()
  })

  it('not over a change of the rules', () => {
    const { world, find, keep } = requestCache()
    keep('a', answered('a'), world.nowMs + 1_000)
    world.policy = policyOf(document)
    expect(find('a')).toBeUndefined()
    keep('a', answered('anew'), world.nowMs + 1_000)
    expect(find('a')).toBe('anew')
  })

  it.each(['presented', 'given'])('not over the end of the session that was %s', (which) => {
    const { world, find, keep } = requestCache()
    const tokens = which === 'given' ? [undefined, 'session'] : ['session', undefined]
    keep('a', { ...answered('a'), tokens }, world.nowMs + 1_000)
    expect(find('a')).toBe('a')
    world.revoked = 'session'
    expect(find('a')).toBeUndefined()
  })

  it('so many; the one unused for longest goes first', () => {
    const { world, find, keep } = requestCache({ limits: { requestCacheEntries: 2, cacheBytes: 1_000_000 } })
    for (const name of ['a', 'b']) keep(name, answered(name), world.nowMs + 1_000)
    find('a')
    keep('c', answered('c'), world.nowMs + 1_000)
    expect(['a', 'b', 'c'].map(find)).toEqual(['a', undefined, 'c'])
  })

  it('so many bytes, of whoever asks for the same in a thousand ways', () => {
    const { world, find, keep } = requestCache({ limits: { requestCacheEntries: 10_000, cacheBytes: 100_000 } })
    const queries = Array.from({ length: 1_000 }, (_, index) => `scope=a&x=${index}`)
    for (const query of queries) keep(query, answered('a', 10_000), world.nowMs + 1_000)
    expect(queries.filter((query) => find(query) !== undefined)).toHaveLength(9)
    keep('too large', answered('a', 200_000), world.nowMs + 1_000)
    expect(find('too large')).toBeUndefined()
  })
})
