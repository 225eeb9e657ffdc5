/** The gate's places: how many calls are under way at once, and what frees them. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { presented } from '../../test/presented.ts'
import { Secret } from '../secret.ts'
import { gate, jwt, password, settled, usual } from './gate.fixture.ts'
import { createGate, type GateLimits } from './gate.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('places', () => {
  it('are so many and no more, and the next ones wait in the order in which they came', async () => {
    const { ask, end, fail, begun, inFlight, waiting } = gate()
    const answers = ['a', 'b', 'c', 'd', 'e'].map((id) => ask(id))
    await settled()
    expect([begun, inFlight(), waiting()]).toEqual([['a', 'b'], 2, 3])
    await end('b')
    expect([begun, inFlight(), waiting()]).toEqual([['a', 'b', 'c'], 2, 2])
    await fail('a')
    expect([begun, inFlight(), waiting()]).toEqual([['a', 'b', 'c', 'd'], 2, 1])
    for (const id of ['c', 'd', 'e']) await end(id)
    expect(await Promise.all(answers)).toEqual(['upstream_broken', 'granted', 'granted', 'granted', 'granted'])
    expect([inFlight(), waiting()]).toEqual([0, 0])
  })

  it('come back, whatever goes wrong', async () => {
    const { protect, inFlight } = createGate(usual, Date.now)
    const broken = protect(() => {
      throw new RangeError('a mistake of its own')
    })
    const request = { credential: jwt, scopes: [], requestId: 'a' }
    for (let call = 0; call < 5; call++) await expect(broken(request)).rejects.toThrow(RangeError)
    expect(inFlight()).toBe(0)
  })

  it('are never all taken by guesses and strangers: a verified token always finds one', async () => {
    const { ask, begun, end } = gate()
    for (const id of ['guess 1', 'guess 2', 'guess 3']) {
      void ask(id, { credential: password(id) })
    }
    void ask('stranger', {
      credential: presented({ kind: 'ci_token', jwt: new Secret('a.b.c'), anonymous: true }),
      verified: false,
    })
    await settled()
    expect(begun).toEqual(['guess 1'])
    void ask('job')
    await settled()
    expect(begun).toEqual(['guess 1', 'job'])
    await end('job')
    expect(begun).toHaveLength(2)
  })

  it('are one more for a verified token where there is only one and a guess has it', async () => {
    const { ask, begun } = gate({ upstreamConnections: 1 })
    void ask('guess', { credential: password('p') })
    for (const id of ['job 1', 'job 2']) void ask(id)
    await settled()
    expect(begun).toEqual(['guess', 'job 1'])
  })
})

it('what is not an exchange takes a place, and says nothing of how long exchanges take', async () => {
  const many = { upstreamFirstConnections: 4, upstreamConnections: 64, upstreamCalmMs: 500 }
  const { protect, places, ask, end, inFlight } = gate(many)
  const slow = Promise.withResolvers<void>()
  const revoke = protect(() => slow.promise, false)
  const request = { credential: jwt, verified: true, scopes: [], requestId: 'revocation' }
  const revocations = [revoke(request), revoke(request)]
  await vi.advanceTimersByTimeAsync(5_000)
  expect(inFlight()).toBe(2)
  slow.resolve()
  await Promise.all(revocations)
  expect([inFlight(), places()]).toEqual([0, 4])
  // Whereas exchanges that long do.
  const exchanges = [ask('a'), ask('b')]
  await vi.advanceTimersByTimeAsync(5_000)
  for (const id of ['a', 'b']) await end(id)
  await Promise.all(exchanges)
  expect(places()).toBeLessThan(4)
})

describe('a call under way whose client hangs up', () => {
  /** One place, and authentik takes 240 ms, as the first answer has shown. */
  async function abandoned(own: Partial<GateLimits> = {}) {
    const built = gate({ upstreamConnections: 1, ...own })
    const first = built.ask('first')
    await vi.advanceTimersByTimeAsync(240)
    await built.end('first')
    expect(await first).toBe('granted')
    const answer = built.ask('gone')
    await vi.advanceTimersByTimeAsync(100)
    await built.hangUp('gone')
    return { ...built, answer }
  }

  it('ends at once, and keeps its place for as long as authentik usually takes', async () => {
    const { answer, ask, begun, inFlight } = await abandoned()
    expect([await answer, inFlight()]).toEqual(['client_gone', 1])
    void ask('next')
    await vi.advanceTimersByTimeAsync(139)
    expect([begun, inFlight()]).toEqual([['first', 'gone'], 1])
    await vi.advanceTimersByTimeAsync(1)
    expect([begun, inFlight()]).toEqual([['first', 'gone', 'next'], 1])
  })

  it('keeps its place no longer than a call may take', async () => {
    const { inFlight } = await abandoned({ upstreamTotalMs: 200 })
    await vi.advanceTimersByTimeAsync(100)
    expect(inFlight()).toBe(0)
  })

  it('says nothing of how fast authentik is', async () => {
    const { ask, end, hangUp, places, begun } = gate({ upstreamFirstConnections: 1 })
    for (let index = 0; index < 20; index++) {
      void ask(`${index}`)
      void ask(`${index} waits`)
      await settled()
      await hangUp(`${index}`)
      await hangUp(`${index} waits`)
    }
    expect([places(), begun]).toEqual([1, ['0']])
    await end('0')
  })
})
