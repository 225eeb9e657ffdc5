import { expect, test } from 'vitest'
import { quote } from './quote.ts'

test.each([
  ['acme', '"acme"'],
  ['a"b\\c', '"a\\"b\\\\c"'],
  ['a\nb\u001b[31m', '"a\\nb\\u001b[31m"'],
  ['a\u202eb\u2028\u200b\u0085', '"a\\u{202e}b\\u{2028}\\u{200b}\\u{85}"'],
  ['a\ud83d', '"a\\ud83d"'],
  [{ a: 1 }, '"{\\"a\\":1}"'],
  [undefined, '"undefined"'],
])('quotes %j so that no terminal acts on it', (value, expected) => {
  expect(quote(value)).toBe(expected)
})

test('quotes no more than the limit', () => {
  expect(quote('\u{1f600}'.repeat(20), 3)).toBe('"\u{1f600}\u{1f600}\u{1f600}…"')
})
