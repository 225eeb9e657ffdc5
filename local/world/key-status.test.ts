import { expect, it } from 'vitest'
import { keyInWords } from './key-status.ts'

const SINCE = '2026-11-26T20:00:00Z'
const record = (key: string, ...before: string[]) => ({ key, since: SINCE, before })
const after = (minutes: number) => Date.parse(SINCE) + minutes * 60_000

it.each([
  [{ signing: undefined, record: undefined }, 0, 'no key of this stack'],
  [{ signing: '1', record: undefined }, 0, 'key 1, for an unknown time'],
  // A run of the program ended between provider and application.
  [{ signing: '2', record: record('1') }, 0, 'key 2, for an unknown time'],
  [{ signing: '1', record: record('1') }, 119, 'key 1 for 119 min'],
  [{ signing: '1', record: record('1') }, 120, 'key 1 for 2 h'],
  [{ signing: '1', record: record('1') }, 3 * 24 * 60, 'key 1 for 3 days'],
  [{ signing: '2.1', record: record('2.1', '2') }, 5, 'key 2.1 for 5 min, key 2 before it still trusted'],
])('%j after %d minutes: %s', (history, minutes, words) => {
  expect(keyInWords(history, after(minutes))).toBe(words)
})
