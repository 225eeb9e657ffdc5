import { expect, it } from 'vitest'
import { compare } from './alternate.ts'

it('compares round by round, so that what disturbs both disturbs no ratio', () => {
  const rounds = [
    [
      { perSecond: 1_000, cpuMicros: 300 },
      { perSecond: 2_000, cpuMicros: 100 },
    ],
    [
      { perSecond: 10, cpuMicros: 600 },
      { perSecond: 10, cpuMicros: 300 },
    ],
    [
      { perSecond: 3_000, cpuMicros: 200 },
      { perSecond: 4_000, cpuMicros: 80 },
    ],
  ] as const
  expect(compare('unique', 16, rounds)).toEqual({
    workload: 'unique',
    connections: 16,
    service: { perSecond: 1_000, cpuMicros: 300 },
    target: { perSecond: 2_000, cpuMicros: 100 },
    rate: { median: 0.75, least: 0.5, most: 1 },
    cpu: { median: 2.5, least: 2, most: 3 },
  })
})

it('says nothing of the processor where a server is on another machine', () => {
  const here = { perSecond: 1_000, cpuMicros: 300 }
  expect(compare('repeated', 64, [[here, { perSecond: 500, cpuMicros: undefined }]])).toMatchObject({
    target: { cpuMicros: undefined },
    cpu: undefined,
  })
})
