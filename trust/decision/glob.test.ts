import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Glob, piecesMatch, splitPattern, type Text } from './glob.ts'

const matches = (pattern: string, text: string) => new Glob(pattern).matches(text)

describe('a glob', () => {
  test.each([
    ['acme/app', 'acme/app', true],
    ['acme/app', 'acme/app2', false],
    ['acme/app', 'xacme/app', false],
    ['acme/*', 'acme/app', true],
    ['acme/*', 'acme/', true],
    ['acme/*', 'acme', false],
    ['acme/*', 'acme/app/web', false],
    ['acme/**', 'acme/app/web', true],
    ['acme/**', 'acme', false],
    ['*', '', true],
    ['*', 'a/b', false],
    ['**', 'a/b', true],
    ['*/app', 'acme/app', true],
    ['**/app', 'a/b/app', true],
    ['**/app', 'app', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a/b-c', false],
    ['**a*/b', 'xa/a-/b', true],
    ['a*a', 'a', false],
    ['refs/tags/v*', 'refs/tags/v1.2.3\n', true],
    ['.', 'a', false],
    ['[a-z]+', '[a-z]+', true],
    ['é*', 'e\u0301x', false],
    ['*\u{1f600}', 'a\u{1f600}', true],
    ['\u0430cme/*', 'acme/app', false],
  ])('%j against %j: %j', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected)
  })

  test('matches what the regular expression of the same meaning matches', () => {
    const piece = fc.constantFrom('a', 'b', '/', '*', '**')
    const pattern = fc.array(piece, { maxLength: 7, size: 'max' }).map((pieces) => pieces.join(''))
    const text = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8, size: 'max' }).map((units) => units.join(''))
    fc.assert(
      fc.property(pattern, text, (glob, candidate) => {
        const meaning = glob.replaceAll(/\*\*|\*/g, (star) => (star === '**' ? '.*' : '[^/]*'))
        expect(matches(glob, candidate)).toBe(new RegExp(`^${meaning}$`).test(candidate))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('the work of a glob', () => {
  /** Counts how often matching looks at a text, by the length of what it looks at. */
  function stepsOf(pattern: string, text: string): number {
    let steps = 0
    const counting: Text = {
      length: text.length,
      startsWith: (part, at) => {
        steps++
        return text.startsWith(part, at)
      },
      indexOf: (part, from) => {
        const found = text.indexOf(part, from)
        steps += (found < 0 ? text.length : found) - from + 1
        return found
      },
    }
    piecesMatch(splitPattern(pattern), counting)
    return steps
  }

  test.each([
    '**a**a**a**a**a**a**a**b',
    '*a*a*a*a*a*a*a*b',
    '**a*a**a*a**a*a**a*b',
    '**/*a**/*a**/*a**/*b',
    '**'.repeat(8),
  ])('grows with the length of the text alone: %s', (pattern) => {
    const pieces = splitPattern(pattern).length
    for (const unit of ['a', 'a/', '/', 'aab']) {
      for (const length of [64, 1_024]) {
        const text = unit.repeat(length).slice(0, length)
        expect(stepsOf(pattern, text)).toBeLessThanOrEqual(pieces * (length + 1))
      }
    }
  })
})
