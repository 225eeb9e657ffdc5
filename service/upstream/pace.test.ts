import { expect, it } from 'vitest'
import { createPace } from './pace.ts'

/** A pace, and a clock that a test moves. */
function paced() {
  const world = { nowMs: 0 }
  const { answered, ...pace } = createPace(() => world.nowMs)
  const answers = (count: number, gapMs: number, more = true) => {
    for (let answer = 0; answer < count; answer++) {
      world.nowMs += gapMs
      answered(more)
    }
  }
  return { world, answers, ...pace }
}

it('is the time between answers while calls wait, from the third on', () => {
  const { answers, msPerCall } = paced()
  const seen = [1, 2, 3, 4].map(() => {
    answers(1, 240)
    return msPerCall()
  })
  expect(seen).toEqual([undefined, undefined, 240, 240])
})

it('knows nothing of the time in which none waits', () => {
  const { answers, msPerCall } = paced()
  answers(5, 5_000, false)
  expect(msPerCall()).toBeUndefined()
  answers(1, 5_000)
  answers(3, 100)
  expect(msPerCall()).toBe(100)
})

it('follows the last answers, and forgets a rush that is long over', () => {
  const { world, answers, msPerCall } = paced()
  answers(50, 1_000)
  answers(20, 50)
  expect(msPerCall()).toBe(50)
  world.nowMs += 31_000
  expect(msPerCall()).toBeUndefined()
})

it('says when so many are answered, counted from the last answer', () => {
  const { world, answers, msUntil } = paced()
  expect(msUntil(10)).toBe(0)
  answers(5, 200)
  expect(msUntil(10)).toBe(2_000)
  world.nowMs += 150
  expect(msUntil(10)).toBe(1_850)
  world.nowMs += 1_000
  expect(msUntil(10)).toBe(1_800)
})
