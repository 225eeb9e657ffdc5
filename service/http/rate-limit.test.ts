import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRateLimit } from './rate-limit.ts'

/** One whose clock stands still unless it is told to move. */
function limited(own: Partial<Parameters<typeof createRateLimit>[0]> = {}) {
  const world = { nowMs: 0 }
  const { waitSeconds, take } = createRateLimit({ rate: 2, burst: 5, entries: 100, ...own }, () => world.nowMs)
  /** Takes as many as there are, up to some. @returns how many there were */
  const takeAll = (key: string, most = 1_000) => {
    let taken = 0
    while (taken < most && waitSeconds(key) === 0) {
      take(key)
      taken += 1
    }
    return taken
  }
  return { world, waitSeconds, take, takeAll }
}

describe('createRateLimit', () => {
  it('allows so many at once, and so many a second after that', () => {
    const { world, takeAll, waitSeconds } = limited()
    expect([takeAll('a'), waitSeconds('a')]).toEqual([5, 1])
    world.nowMs += 499
    expect(takeAll('a')).toBe(0)
    world.nowMs += 1
    expect(takeAll('a')).toBe(1)
    world.nowMs += 2_000
    expect(takeAll('a')).toBe(4)
  })

  it('saves up no more than the burst, however long nobody came', () => {
    const { world, takeAll } = limited()
    takeAll('a')
    world.nowMs += 3_600_000
    expect(takeAll('a')).toBe(5)
  })

  it('says in whole seconds when one is allowed again, and means it', () => {
    const { world, takeAll, waitSeconds } = limited({ rate: 0.1 })
    takeAll('a')
    const wait = waitSeconds('a')
    expect(wait).toBe(10)
    world.nowMs += wait * 1000
    expect(takeAll('a')).toBe(1)
  })

  it('counts each key by itself', () => {
    const { takeAll } = limited()
    takeAll('a')
    expect(takeAll('b')).toBe(5)
  })

  it('does not count whoever only asks', () => {
    const { waitSeconds, takeAll } = limited()
    for (let look = 0; look < 100; look++) expect(waitSeconds('a')).toBe(0)
    expect(takeAll('a')).toBe(5)
  })

  it('owes nothing for what was taken without asking', () => {
    const { world, take, takeAll } = limited()
    for (let more = 0; more < 50; more++) take('a')
    world.nowMs += 500
    expect(takeAll('a')).toBe(1)
  })

  it('forgets the key unused for longest when there are too many', () => {
    const { takeAll } = limited({ entries: 2 })
    for (const key of ['a', 'b', 'c']) takeAll(key)
    expect([takeAll('b'), takeAll('c')]).toEqual([0, 0])
    expect(takeAll('a')).toBe(5)
  })

  it('is no limit where the rate is 0', () => {
    expect(limited({ rate: 0 }).takeAll('a')).toBe(1_000)
  })

  it('never allows more than burst and rate together', () => {
    const step = fc.record({ passesMs: fc.nat(3_000), asks: fc.nat(20) })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 50, size: 'max' }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 20 }),
        (steps, rate, burst) => {
          const { world, takeAll } = limited({ rate, burst })
          let taken = 0
          for (const { passesMs, asks } of steps) {
            world.nowMs += passesMs
            taken += takeAll('a', asks)
            expect(taken).toBeLessThanOrEqual(burst + (world.nowMs / 1000) * rate + 1e-6)
          }
        },
      ),
    )
  })
})
