import { expect, it } from 'vitest'
import { createRefusedKeys } from './refused-keys.ts'

it('a key is refused while authentik has taken no token of it', () => {
  const keys = createRefusedKeys()
  keys.taken('https://a.example', 'old')
  expect(keys.refused('https://a.example', 'old')).toBe(false)
  expect(keys.count()).toBe(0)

  expect(keys.refused('https://a.example', 'new')).toBe(true)
  expect(keys.refused('https://a.example', 'new')).toBe(true)
  expect(keys.refused('https://b.example', 'old')).toBe(true)
  expect(keys.count()).toBe(2)

  keys.taken('https://a.example', 'new')
  expect(keys.refused('https://a.example', 'new')).toBe(false)
  expect(keys.count()).toBe(1)
})
