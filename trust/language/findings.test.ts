import { expect, test } from 'vitest'
import { nearestName } from './findings.ts'

test('finds what was probably meant, and nothing where nothing is near', () => {
  expect(nearestName('repositry', ['ref', 'repository'])).toBe('repository')
  expect(nearestName('banana', ['ref', 'repository'])).toBeUndefined()
})
