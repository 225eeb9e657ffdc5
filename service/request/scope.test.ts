import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TokenError } from '../errors.ts'
import { limits } from '../limits.ts'
import { mergeScopes } from './scope.ts'

describe('mergeScopes', () => {
  it('splits, merges and keeps order and spelling', () => {
    expect(mergeScopes(['repository:b:pull  repository:a:pull', '', 'repository:b:pull', 'odd-one'], limits)).toEqual([
      'repository:b:pull',
      'repository:a:pull',
      'odd-one',
    ])
  })

  it('takes the first of them, as many as fit, and none that is too long', () => {
    const many = Array.from({ length: limits.scopeCount }, (_, index) => `repository:r${index}:pull`)
    expect(mergeScopes(many, limits)).toHaveLength(limits.scopeCount)
    expect(mergeScopes([...many, 'one-more'], limits)).toEqual(many)
    expect(mergeScopes([...many, ...many, many.join(' ')], limits)).toEqual(many)
    const long = 'x'.repeat(limits.scopeLength)
    expect(mergeScopes([long], limits)).toEqual([long])
    expect(() => mergeScopes([`${long}x`], limits)).toThrow(/has 513 characters; at most 512/)
  })

  it.each(['a"b', 'a\\b', 'a\tb', 'a\nb', 'a\u0000b', 'ä', '\u{1f40b}', 'a\u00a0b', '\ufffd'])('refuses %j', (text) => {
    expect(() => mergeScopes([text], limits)).toThrow(expect.objectContaining({ reason: 'scope_malformed' }))
  })

  it('gives scope tokens only, each once, or a TokenError that repeats nothing of what came', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 600, unit: 'binary' }), { maxLength: 120 }), (parameters) => {
        try {
          const scopes = mergeScopes(parameters, limits)
          expect(new Set(scopes).size).toBe(scopes.length)
          for (const scope of scopes) expect(scope).toMatch(/^[!#-[\]-~]{1,512}$/)
        } catch (error) {
          expect(error).toBeInstanceOf(TokenError)
          expect((error as TokenError).message).toMatch(/^[\x20-\x7e]+$/)
        }
      }),
    )
  })
})
