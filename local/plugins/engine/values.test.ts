import { expect, test } from 'vitest'
import { changedLeaves } from './diff.ts'
import { fromStruct, hasUnknown, reveal, secret, toStruct, UNKNOWN } from './values.ts'

test('properties survive the way through a message, without what is undefined and without secret marks', () => {
  const sent = { text: 'a', list: [1, { deep: secret('s') }], nothing: null, left: undefined, hidden: secret({ a: 1 }) }
  expect(fromStruct(toStruct(sent))).toEqual({ text: 'a', list: [1, { deep: 's' }], nothing: null, hidden: { a: 1 } })
  expect(fromStruct(undefined)).toEqual({})
})

test('secrets within secrets are revealed', () => {
  expect(reveal(secret([secret('inner')]))).toEqual(['inner'])
})

test('an unknown value is found at any depth', () => {
  expect(hasUnknown({ a: [{ b: UNKNOWN }] })).toBe(true)
  expect(hasUnknown({ a: [{ b: `not ${UNKNOWN}` }] })).toBe(false)
})

test('changed leaves: kinds of change, and null as good as absent', () => {
  const before = { same: { a: 1 }, gone: 1, text: 'a', list: [1, 2], empty: null }
  const after = { same: { a: 1 }, come: { x: 1 }, text: UNKNOWN, list: [1], empty: undefined }
  expect(changedLeaves(before, after)).toEqual([
    { path: 'come', kind: 'add' },
    { path: 'gone', kind: 'delete' },
    { path: 'list[1]', kind: 'delete' },
    { path: 'text', kind: 'update' },
  ])
})
