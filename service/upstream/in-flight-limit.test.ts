import { describe, expect, it } from 'vitest'
import { createInFlightLimit } from './in-flight-limit.ts'

const limits = { upstreamConnections: 64, upstreamFirstConnections: 4, upstreamCalmMs: 500 }

/**
 * Keeps as many calls under way as the limit allows.
 * @param takesMs how long a call takes that begins beside so many others, at a time
 * @returns how many were allowed, each time one ended
 */
function busy(takesMs: (beside: number, atMs: number) => number, forMs: number, own: Partial<typeof limits> = {}) {
  let nowMs = 0
  const limit = createInFlightLimit({ ...limits, ...own }, () => nowMs)
  const underWay: { beganMs: number; endsMs: number; alone: boolean }[] = []
  const seen: number[] = []
  while (nowMs < forMs) {
    while (underWay.length < limit.places()) {
      const [other] = underWay
      if (other) other.alone = false
      underWay.push({
        beganMs: nowMs,
        endsMs: nowMs + takesMs(underWay.length, nowMs),
        alone: other === undefined,
      })
    }
    underWay.sort((one, other) => other.endsMs - one.endsMs)
    const ended = underWay.pop()
    if (!ended) break
    nowMs = ended.endsMs
    limit.answered({ ...ended, wanted: true })
    seen.push(limit.places())
  }
  return seen
}

/** One worker that takes so long for each: a call begins when all before it are done. */
const oneWorker = (eachMs: number) => {
  let freeMs = 0
  return (_: number, atMs: number) => {
    freeMs = Math.max(freeMs, atMs) + eachMs
    return freeMs - atMs
  }
}

const most = (seen: readonly number[]) => Math.max(...seen.slice(-Math.ceil(seen.length / 2)))

describe('the limit of calls under way', () => {
  it.each([
    ['one worker of 240 ms', 240, 3],
    ['one worker of 150 ms', 150, 4],
    ['one worker of 100 ms', 100, 8],
    ['one worker of 2 s, which takes long by itself', 2_000, 3],
  ])('stays small before %s', (_, eachMs, bound) => {
    expect(most(busy(oneWorker(eachMs), 120_000))).toBeLessThanOrEqual(bound)
  })

  it('is never under one, and finds its way back when authentik is fast again', () => {
    const worker = oneWorker(3_000)
    const seen = busy((beside, atMs) => (atMs < 60_000 ? worker(beside, atMs) : 100), 70_000)
    expect(Math.min(...seen)).toBe(1)
    expect(seen.at(-1)).toBeGreaterThan(30)
  })

  it('is the greatest before an authentik that answers any number at once, in little time', () => {
    const seen = busy(() => 20, 200)
    expect(seen.at(-1)).toBe(limits.upstreamConnections)
    expect(Math.max(...busy(() => 20, 10_000))).toBe(limits.upstreamConnections)
  })

  it('begins small', () => {
    expect(createInFlightLimit(limits, () => 0).places()).toBe(limits.upstreamFirstConnections)
    expect(createInFlightLimit({ ...limits, upstreamConnections: 1 }, () => 0).places()).toBe(1)
  })

  it('does not grow by calls for whose place nothing waits', () => {
    const limit = createInFlightLimit(limits, () => 20)
    for (let call = 0; call < 100; call++) limit.answered({ beganMs: 0, alone: true, wanted: false })
    expect(limit.places()).toBe(limits.upstreamFirstConnections)
  })

  it('falls once for a crowd, by answers that come late and by our time-outs alike', () => {
    let nowMs = 0
    const limit = createInFlightLimit({ ...limits, upstreamFirstConnections: 10 }, () => nowMs)
    nowMs = 900
    for (let call = 0; call < 10; call++) limit.answered({ beganMs: 0, alone: false, wanted: true })
    expect(limit.places()).toBe(7)
    nowMs = 1_000
    limit.answered({ beganMs: 900, alone: false, wanted: false })
    nowMs = 12_900
    for (let call = 0; call < 6; call++) limit.timedOut({ beganMs: 900, alone: false, wanted: true })
    expect(limit.places()).toBe(4)
  })

  it('stays where authentik is silent: fewer calls at once would be no quicker', () => {
    let nowMs = 0
    const limit = createInFlightLimit(limits, () => nowMs)
    nowMs = 12_000
    for (let call = 0; call < 4; call++) limit.timedOut({ beganMs: 0, alone: false, wanted: true })
    expect(limit.places()).toBe(4)
  })
})
