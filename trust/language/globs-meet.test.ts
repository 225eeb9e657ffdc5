import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Glob } from '../decision/glob.ts'
import { globsMeet } from './globs-meet.ts'

test.each([
  ['acme/app', 'acme/app', true],
  ['acme/app', 'acme/ap', false],
  ['acme/*', 'acme/app', true],
  ['acme/*', 'acme/a/b', false],
  ['acme/**', 'acme/a/b', true],
  ['acme/*', '*/app', true],
  ['acme/*', 'other/*', false],
  ['*/*', 'acme/**', true],
  ['*/*', 'shared', false],
  ['**', '', true],
  ['*', '/', false],
  ['a*b', '*c', false],
  ['a*', '*b', true],
  ['releases/app', '{', false],
])('%s and %s meet: %s', (one, other, meet) => {
  expect(globsMeet(one, other)).toBe(meet)
  expect(globsMeet(other, one)).toBe(meet)
})

test('two patterns that match one text meet', () => {
  const pattern = fc.array(fc.constantFrom('a', 'b', '/', '*', '**'), { maxLength: 6 }).map((parts) => parts.join(''))
  const text = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 6 }).map((parts) => parts.join(''))
  const sane = (it: string) => !it.includes('***')
  fc.assert(
    fc.property(pattern.filter(sane), pattern.filter(sane), text, (one, other, common) => {
      fc.pre(new Glob(one).matches(common) && new Glob(other).matches(common))
      expect(globsMeet(one, other)).toBe(true)
    }),
    { numRuns: 300 },
  )
})

test('is quick with long patterns', () => {
  const [one, other] = [`${'*a'.repeat(8)}${'b'.repeat(490)}`, `${'*a'.repeat(8)}${'c'.repeat(490)}`]
  expect(globsMeet(one, other)).toBe(false)
})
