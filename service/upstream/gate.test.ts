import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { presented } from '../../test/presented.ts'
import { TokenError } from '../errors.ts'
import { Secret } from '../secret.ts'
import { clientGone, createCallers } from './callers.ts'
import type { ExchangeRequest, IssuedToken } from './exchange.ts'
import { createGate, type GateLimits } from './gate.ts'

const issued: IssuedToken = { token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: 0, access: [] }
const jwt = presented({ kind: 'ci_token', jwt: new Secret('a.b.c') })
const password = (text: string) => presented({ kind: 'password', username: 'u', password: new Secret(text) })
const usual = {
  upstreamConnections: 2,
  upstreamFirstConnections: 2,
  upstreamCalmMs: 60_000,
  upstreamQueue: 100,
  upstreamTurnAwayMs: 1_000,
  upstreamTotalMs: 15_000,
  slowRefusalMs: 750,
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const settled = () => vi.advanceTimersByTimeAsync(0)

/** A request, what is asked with what, and by whom. */
interface Own {
  credential?: ExchangeRequest['credential']
  verified?: boolean
  scopes?: string[]
  address?: string
  patienceMs?: number
}

/** A gate in front of calls that end when a test says so. */
function gate(own: Partial<GateLimits> = {}) {
  const built = createGate({ ...usual, ...own }, Date.now)
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<IssuedToken>>()
  const hangUps = new Map<string, () => void>()
  const exchange = built.protect(({ requestId, abandoned }) => {
    begun.push(requestId)
    const end = Promise.withResolvers<IssuedToken>()
    abandoned?.addEventListener('abort', () => end.reject(clientGone()))
    ends.set(requestId, end)
    return end.promise
  })
  return {
    ...built,
    begun,
    ask: (requestId: string, { address = '', patienceMs = 45_000, scopes = [], ...rest }: Own = {}) => {
      const untilMs = Date.now() + patienceMs
      const callers = createCallers({ address, untilMs, begun: false, whenGone: () => () => {} })
      hangUps.set(requestId, callers.leave)
      return exchange({ credential: jwt, verified: true, scopes, requestId, callers, ...rest }).then(
        () => 'granted',
        (error) => error.reason,
      )
    },
    end: async (id: string) => {
      ends.get(id)?.resolve(issued)
      await settled()
    },
    fail: async (id: string) => {
      ends.get(id)?.reject(new TokenError('upstream_broken', 'no'))
      await settled()
    },
    hangUp: async (id: string) => {
      hangUps.get(id)?.()
      await settled()
    },
  }
}

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

describe('the next turn', () => {
  /** Lets all of them wait behind one, and then each has its turn. @returns the order in which they had it */
  async function order(requests: Readonly<Record<string, Own>>): Promise<string[]> {
    const { ask, end, begun } = gate({ upstreamConnections: 1 })
    const answers = [ask('first'), ...Object.entries(requests).map(([id, own]) => ask(id, own))]
    await settled()
    for (let turn = 0; turn < answers.length; turn++) await end(begun[turn] ?? '')
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['granted']))
    return begun.slice(1)
  }
  const scopes = ['repository:acme/app:push']

  it('is that of a push and of a session before new logins', async () => {
    const session = presented({ kind: 'session', jwt: new Secret('a.b.c') })
    const found = await order({ login: {}, push: { scopes }, 'other login': {}, session: { credential: session } })
    expect(found).toEqual(['push', 'session', 'login', 'other login'])
  })

  it('is that of whoever waits the shortest', async () => {
    const found = await order({ skopeo: {}, docker: { patienceMs: 14_500 }, crane: {} })
    expect(found).toEqual(['docker', 'skopeo', 'crane'])
  })

  it('goes round the addresses', async () => {
    const many = Object.fromEntries([1, 2, 3, 4].map((number) => [`many ${number}`, { address: 'many' }]))
    const found = await order({ ...many, one: { address: 'one' }, 'another 1': { address: 'another' } })
    expect(found).toEqual(['many 1', 'one', 'another 1', 'many 2', 'many 3', 'many 4'])
  })

  it('is mostly that of verified tokens, and now and then that of each other kind', async () => {
    const guess = (number: number): Own => ({
      credential: password(String(number)),
    })
    const ids = Array.from({ length: 40 }, (_, index) => index)
    const requests = {
      ...Object.fromEntries(ids.map((index) => [`guess ${index}`, guess(index)])),
      ...Object.fromEntries(ids.map((index) => [`unverified ${index}`, { verified: false }])),
      ...Object.fromEntries(ids.map((index) => [`job ${index}`, {}])),
    }
    const found = (await order(requests)).slice(0, 30).map((id) => id.split(' ')[0])
    const count = (kind: string) => found.filter((each) => each === kind).length
    expect(count('job')).toBeGreaterThanOrEqual(22)
    expect([count('guess') > 0, count('unverified') > count('guess')]).toEqual([true, true])
  })
})

describe('waiting', () => {
  it('lasts as long as the client waits, and the others keep their turn', async () => {
    const { ask, end, begun, inFlight, waiting } = gate({ upstreamConnections: 1 })
    const first = ask('a')
    const docker = ask('docker', { patienceMs: 14_500 })
    const skopeo = ask('skopeo')
    await vi.advanceTimersByTimeAsync(14_499)
    expect(waiting()).toBe(2)
    await vi.advanceTimersByTimeAsync(1)
    expect([await docker, waiting()]).toEqual(['upstream_busy', 1])
    await end('a')
    await end('skopeo')
    expect([await first, await skopeo]).toEqual(['granted', 'granted'])
    expect([begun, inFlight()]).toEqual([['a', 'skopeo'], 0])
  })

  it('is refused where a line is full, which no other line feels', async () => {
    const { ask, waiting } = gate({ upstreamConnections: 1, upstreamQueue: 2 })
    const guess = { credential: password('p') } as const
    for (const id of ['a', 'b', 'c']) void ask(id, guess)
    const refused = ask('d', guess)
    await vi.advanceTimersByTimeAsync(749)
    expect(await Promise.race([refused, 'not yet'])).toBe('not yet')
    await vi.advanceTimersByTimeAsync(1)
    expect(await refused).toBe('upstream_busy')
    for (const id of ['job 1', 'job 2', 'job 3']) void ask(id)
    expect(await ask('job 4')).toBe('upstream_busy')
    expect([waiting('password'), waiting('verified')]).toEqual([2, 2])
  })

  it('ends with the client, which takes its call along', async () => {
    const { ask, end, hangUp, begun, waiting } = gate({ upstreamConnections: 1 })
    const first = ask('a')
    const abandoned = Array.from({ length: 50 }, (_, index) => ask(`gone ${index}`))
    const last = ask('last')
    await settled()
    for (let index = 0; index < 50; index++) await hangUp(`gone ${index}`)
    expect(waiting()).toBe(1)
    expect(new Set(await Promise.all(abandoned))).toEqual(new Set(['client_gone']))
    await end('a')
    await end('last')
    expect([await first, await last, begun]).toEqual(['granted', 'granted', ['a', 'last']])
  })

  it('is for nothing where the client has hung up before its turn to wait', async () => {
    const built = createGate(usual, Date.now)
    const callers = createCallers(undefined)
    callers.leave()
    const asked = built.protect(async () => issued)({ credential: jwt, scopes: [], requestId: 'a', callers })
    await expect(asked).rejects.toMatchObject({ reason: 'client_gone' })
    expect([callers.dropped, built.inFlight()]).toEqual([true, 0])
  })
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
