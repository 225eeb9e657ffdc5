import { expect, test } from 'vitest'
import { durationSeconds } from './duration.ts'

test.each([
  ['minutes=10', 600],
  ['hours=1;minutes=2;seconds=3', 3723],
  ['days=30', 2_592_000],
  ['seconds=0', 0],
  ['', undefined],
  ['10', undefined],
  ['minutes=', undefined],
  ['years=1', undefined],
  ['minutes=1;', undefined],
])('%j is %s seconds', (text, seconds) => {
  expect(durationSeconds(text)).toBe(seconds)
})
