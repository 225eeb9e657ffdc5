import { describe, expect, test } from 'vitest'
import { noAnswers } from './answer-check.ts'
import { cycleSeconds, faultAt } from './soak-faults.ts'
import { badLinesIn, memoryGrowth, problemsOf, type SoakSeen } from './soak-verdict.ts'
import { faults } from './upstream.ts'

const good: SoakSeen = {
  answers: { ...noAnswers(), byStatus: { 200: 500, 503: 500 } },
  resident: Array(16).fill(100e6),
  badLines: [],
  endedEarly: false,
  exit: 0,
}

describe('the verdict', () => {
  test('is silent when all is well', () => {
    expect(problemsOf(good)).toEqual([])
  })
  test.each<[string, Partial<SoakSeen>]>([
    ['2 wrong answers: 2 x x', { answers: { byStatus: { 200: 2 }, wrong: 2, mistakes: { x: 2 } } }],
    ['only 1 of 10', { answers: { ...noAnswers(), byStatus: { 200: 1, 503: 9 } } }],
    ['memory grows: 100 MB', { resident: [...Array(12).fill(100e6), ...Array(4).fill(140e6)] }],
    ['report a mistake', { badLines: ['{"level":"fatal"}'] }],
    ['ended early with SIGSEGV', { endedEarly: true, exit: 'SIGSEGV' }],
    ['ended with 1 instead of 0', { exit: 1 }],
  ])('names: %s', (problem, seen) => {
    expect(problemsOf({ ...good, ...seen }).join()).toContain(problem)
  })
  test('lets memory grow while caches fill, and says nothing of few samples', () => {
    expect(memoryGrowth([...Array(4).fill(50e6), ...Array(4).fill(100e6), ...Array(8).fill(135e6)])?.flat).toBe(true)
    expect(memoryGrowth(Array(11).fill(1))).toBeUndefined()
  })
  test('finds the lines that report a mistake', () => {
    const lines = ['{"level":"info"}', '{"status":500,"reason":"internal"}', '{"level":"fatal"}', ''].join('\n')
    expect(badLinesIn(Buffer.from(lines))).toHaveLength(2)
  })
})

describe('the faults', () => {
  test('all have their turn, with calm at the beginning and between', () => {
    const seen = Array.from({ length: cycleSeconds }, (_, second) => faultAt(second))
    expect(new Set(seen)).toEqual(new Set(faults))
    expect([seen[0], seen[10], seen[20]]).toEqual(['none', 'none', 'none'])
    expect(faultAt(cycleSeconds + 7)).toBe(seen[7])
  })
})
