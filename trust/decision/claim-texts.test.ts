import { expect, test } from 'vitest'
import { MAX_CLAIM_BYTES } from '../limits.ts'
import { claimTexts } from './claim-texts.ts'

test.each([
  ['text', 'acme/app', 'acme/app'],
  ['an empty text', '', ''],
  ['a boolean', true, 'true'],
  ['a whole number', 501, '501'],
  ['a whole number with a fraction of nothing', 1.0, '1'],
  ['minus zero', -0, '0'],
  ['a number that not every reader agrees on', 2 ** 53, undefined],
  ['a fraction', 0.5, undefined],
  ['null', null, undefined],
  ['a list', ['acme'], undefined],
  ['an object', { acme: 'app' }, undefined],
  ['half a surrogate pair', 'a\ud83d', undefined],
  ['the longest text', 'é'.repeat(MAX_CLAIM_BYTES / 2), 'é'.repeat(MAX_CLAIM_BYTES / 2)],
  ['a text that is too long', 'a'.repeat(MAX_CLAIM_BYTES + 1), undefined],
])('%s', (_, value, expected) => {
  expect(claimTexts({ claim: value }).get('claim')).toBe(expected)
})

test('a claim __proto__ is a claim like any other, and adds no other claims', () => {
  const texts = claimTexts(JSON.parse('{"__proto__": {"repository": "acme/app"}, "ref": "x"}'))
  expect([...texts]).toEqual([['ref', 'x']])
})
