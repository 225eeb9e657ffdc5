import { expect, test } from 'vitest'
import { isSince } from './version.ts'

test.each([
  ['2026.5', '2026.8.3', true],
  ['2026.5', '2026.5.0-rc1', true],
  ['2026.5', '2027.2', true],
  ['2026.5', '2026.2.2', false],
  ['2026.8', '2026.5.6', false],
  ['2026.8', '2026.12.1', true],
  ['2026.8', '2025.12.6', false],
] as const)('since %s: %s is %s', (release, version, expected) => expect(isSince(release, version)).toBe(expected))

test('a text that is not a version is refused', () => {
  expect(() => isSince('2026.5', 'latest')).toThrow('"latest" is not a version; expected one such as 2026.8.3')
})
