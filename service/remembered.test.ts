import { describe, expect, it } from 'vitest'
import { type Bounds, createRemembered } from './remembered.ts'

/** Time stands still until a test moves it. */
function remembered(bounds: Bounds<string> = { entries: 10 }) {
  const world = { nowMs: 1_000 }
  return { world, ...createRemembered(bounds, () => world.nowMs) }
}

describe('createRemembered', () => {
  it('keeps a value until its time is over', () => {
    const { world, get, set, entries } = remembered()
    set('a', 'value', 1_500)
    world.nowMs = 1_499
    expect([get('a'), get('b')]).toEqual(['value', undefined])
    world.nowMs = 1_500
    expect([get('a'), entries()]).toEqual([undefined, 0])
  })

  it('keeps nothing whose time is over before it begins', () => {
    const { set, entries } = remembered()
    set('a', 'value', 1_000)
    expect(entries()).toBe(0)
  })

  it('forgets when the clock is set back: how much time has passed is not known', () => {
    const { world, get, set } = remembered()
    set('a', 'value', 1_500)
    world.nowMs = 999
    expect(get('a')).toBeUndefined()
  })

  it('keeps so many, those that were used last', () => {
    const { get, set } = remembered({ entries: 2 })
    set('a', '1', 2_000)
    set('b', '2', 2_000)
    get('a')
    set('c', '3', 2_000)
    expect(['a', 'b', 'c'].map(get)).toEqual(['1', undefined, '3'])
  })

  it('keeps so many bytes', () => {
    const of = (value: string, key: string) => value.length + key.length
    const { get, set, bytes } = remembered({ entries: 100, bytes: { most: 10, of } })
    set('a', 'xxxx', 2_000)
    set('b', 'xxxx', 2_000)
    expect(bytes()).toBe(10)
    set('c', 'xxxx', 2_000)
    expect([get('a'), get('b'), bytes()]).toEqual([undefined, 'xxxx', 10])
    set('d', 'too large for all of it', 2_000)
    expect(get('d')).toBeUndefined()
  })
})
