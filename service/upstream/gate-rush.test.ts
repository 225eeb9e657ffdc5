/** The gate in a rush: what its places and queues together make of more logins than authentik can answer. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createCallers } from './callers.ts'
import type { ExchangeRequest } from './exchange.ts'
import { issued, jwt, password, usual } from './gate.fixture.ts'
import { createGate } from './gate.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('a rush before an authentik with one worker that takes 240 ms', () => {
  const EACH_MS = 240
  const limits = {
    ...usual,
    upstreamConnections: 64,
    upstreamFirstConnections: 4,
    upstreamCalmMs: 500,
    upstreamQueue: 512,
  }

  /** One worker, and a gate in front of it. */
  function rush() {
    let freeMs = Date.now()
    const calls = { count: 0 }
    const { protect, inFlight, places } = createGate(limits, Date.now)
    const exchange = protect(async () => {
      calls.count += 1
      freeMs = Math.max(freeMs, Date.now()) + EACH_MS
      await new Promise((resolve) => setTimeout(resolve, freeMs - Date.now()))
      return issued
    })
    /** @returns what came of it, and after how many milliseconds */
    const ask = async (patienceMs: number, own: Partial<ExchangeRequest> = {}) => {
      const sinceMs = Date.now()
      const callers = createCallers({
        address: '',
        untilMs: sinceMs + patienceMs,
        begun: false,
        whenGone: () => () => {},
      })
      const request = { credential: jwt, verified: true, scopes: [], requestId: 'id', callers, ...own }
      const reason = await exchange(request).then(
        () => 'granted',
        (error) => error.reason as string,
      )
      return { reason, tookMs: Date.now() - sinceMs }
    }
    return { ask, calls, inFlight, places }
  }
  const DOCKER_MS = 14_700
  const OTHERS_MS = 45_000

  it.each([
    ['within 5 s', 50, (5_000 - 50 + 15_000) / EACH_MS],
    ['at once', 0, 15_000 / EACH_MS],
  ])(
    '100 docker logins %s: what can be answered is, and the rest learns it within 1 s',
    async (_, apartMs, possible) => {
      const { ask } = rush()
      const asked = Array.from({ length: 100 }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, index * apartMs))
        return ask(DOCKER_MS)
      })
      await vi.advanceTimersByTimeAsync(60_000)
      const answers = await Promise.all(asked)
      const served = answers.filter(({ reason, tookMs }) => reason === 'granted' && tookMs < 15_000)
      const refused = answers.filter(({ reason }) => reason !== 'granted')
      expect(served.length).toBeGreaterThanOrEqual(0.95 * Math.min(100, possible))
      expect(served.length + refused.length).toBe(100)
      expect(Math.max(...refused.map(({ tookMs }) => tookMs))).toBeLessThan(1_000)
    },
  )

  it('100 clients that wait: all are answered, and few calls are under way at once', async () => {
    const { ask, places, inFlight } = rush()
    const asked = Array.from({ length: 100 }, () => ask(OTHERS_MS))
    let most = 0
    for (let passed = 0; passed < 60_000; passed += 100) {
      await vi.advanceTimersByTimeAsync(100)
      if (passed > 5_000) most = Math.max(most, inFlight())
    }
    expect((await Promise.all(asked)).every(({ reason }) => reason === 'granted')).toBe(true)
    expect(most).toBeLessThanOrEqual(4)
    expect(places()).toBeLessThanOrEqual(4)
  })

  it('800 connections that guess passwords, without end, beside 20 logins: all 20 are answered', async () => {
    const { ask } = rush()
    const guess = {
      credential: password('p'),
      verified: false,
    } as const
    const over = { yet: false }
    const guessing = Array.from({ length: 800 }, async () => {
      while (!over.yet) {
        await ask(OTHERS_MS, guess)
      }
    })
    await vi.advanceTimersByTimeAsync(5_000)
    const jobs = Array.from({ length: 20 }, () => ask(DOCKER_MS))
    await vi.advanceTimersByTimeAsync(15_000)
    const answers = await Promise.all(jobs)
    expect(answers.filter(({ reason }) => reason === 'granted')).toHaveLength(20)
    over.yet = true
    await vi.advanceTimersByTimeAsync(60_000)
    await Promise.all(guessing)
  })

  it('ends in nothing but refusals where authentik is far too slow, and leaves no place taken', async () => {
    const { ask, inFlight } = rush()
    const asked = Array.from({ length: 600 }, () => ask(DOCKER_MS))
    await vi.advanceTimersByTimeAsync(60_000)
    const answers = await Promise.all(asked)
    expect(answers.filter(({ reason }) => reason === 'upstream_busy').length).toBeGreaterThan(500)
    expect(inFlight()).toBe(0)
  })
})
