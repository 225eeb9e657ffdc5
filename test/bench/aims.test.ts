import { describe, expect, test } from 'vitest'
import { judge, judgeRush, type Measurements } from './aims.ts'
import { noAnswers } from './answer-check.ts'
import type { Row } from './measure.ts'
import type { Rush } from './rush.ts'

const row = (changes: Partial<Row>): Row => ({
  workload: 'unique',
  connections: 64,
  delayMs: 20,
  perSecond: 1_500,
  p50Ms: 2,
  p99Ms: 8,
  answers: noAnswers(),
  requests: 3_750,
  failures: 0,
  upstreamCalls: 1,
  seconds: 2.5,
  residentBytes: undefined,
  bare: [2_400, 2_600],
  ofBare: 0.6,
  loadBusy: 0.5,
  ...changes,
})
const haul = (...bytes: number[]) => ({
  steps: bytes.map((residentBytes, index) => ({ requests: 250_000 * (index + 1), residentBytes, perSecond: 5_000 })),
  answers: [],
})
const rush: Rush = {
  logins: 100,
  served: 79,
  possible: 83,
  refusedWithinMs: 1_000,
  patient: 100,
  guessing: 20,
  breakerOpened: false,
}
const good: Measurements = {
  rows: [row({ workload: 'unique' }), row({ workload: 'repeated' }), row({ workload: 'mix' })],
  coldBurst: { requests: 200, upstreamCalls: 1, answers: { ...noAnswers(), byStatus: { 200: 200 } } },
  longHaul: haul(120e6, 130e6, 131e6, 131e6),
  rush,
}
const met = (measurements: Partial<Measurements>) => judge({ ...good, ...measurements }).map((aim) => aim.met)

describe('judge', () => {
  test('says that all is met when it just is', () => {
    expect(met({})).toEqual(Array(11).fill(true))
  })
  test('says which is not', () => {
    const rows = [
      row({ workload: 'unique', perSecond: 1_499 }),
      row({ workload: 'repeated', ofBare: 0.59, upstreamCalls: 2, p99Ms: 8.1 }),
    ]
    expect(met({ rows }).slice(0, 6)).toEqual([false, false, false, true, false, true])
  })
  test('takes nothing for a figure in which requests failed', () => {
    expect(met({ rows: [row({ failures: 1 }), row({ workload: 'repeated', failures: 1 })] }).slice(0, 2)).toEqual([
      false,
      false,
    ])
    const answers = { ...noAnswers(), byStatus: { 200: 1, 503: 199 } }
    expect(met({ coldBurst: { requests: 200, upstreamCalls: 1, answers } })[3]).toBe(false)
  })
  test.each([
    ['too much', haul(140e6, 145e6, 150e6, 151e6)],
    ['growing', haul(80e6, 90e6, 100e6, 110e6)],
    ['incomplete', haul(100e6, 100e6)],
  ])('does not take memory that is %s', (_, longHaul) => {
    expect(met({ longHaul })[5]).toBe(false)
  })
  test.each<[string, Partial<Rush>]>([
    ['too few', { served: 78 }],
    ['late', { refusedWithinMs: 1_001 }],
    ['one that waits', { patient: 99 }],
    ['one beside guesses', { guessing: 19 }],
    ['the breaker', { breakerOpened: true }],
  ])('takes no rush that loses %s', (_, changes) => {
    expect(judgeRush({ ...rush, ...changes }).filter((aim) => aim.met === false)).toHaveLength(1)
  })
  test('says what was not measured', () => {
    const nothing = { rows: [], coldBurst: undefined, longHaul: undefined, rush: undefined }
    expect(judge(nothing).map((aim) => aim.met)).toEqual(Array(11).fill(undefined))
  })
})
