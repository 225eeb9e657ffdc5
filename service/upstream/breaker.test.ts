import { describe, expect, it } from 'vitest'
import { presented } from '../../test/presented.ts'
import { type FailureReason, failures, TokenError } from '../errors.ts'
import { Secret } from '../secret.ts'
import { type BreakerState, createBreaker } from './breaker.ts'
import type { ExchangeRequest, IssuedToken } from './exchange.ts'
import { clusterOutage } from './token-review.ts'

const limits = { breakerFailures: 3, breakerTimeouts: 2, breakerOpenMs: 5_000 }
const issued: IssuedToken = { token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: 0, access: [] }
const request: ExchangeRequest = {
  credential: presented({ kind: 'ci_token', jwt: new Secret('a.b.c') }),
  scopes: [],
  requestId: 'id',
}

type Answer = 'granted' | FailureReason | 'crash'

/** A breaker in front of an authentik that answers as it is told to; time stands still unless it is told to move. */
function breaker() {
  const world = { nowMs: 0, asked: 0, told: [] as BreakerState[] }
  const { protect, state } = createBreaker(
    limits,
    () => world.nowMs,
    (next) => world.told.push(next),
  )
  let answer: () => Promise<IssuedToken>
  const exchange = protect((_: ExchangeRequest) => {
    world.asked += 1
    return answer()
  })
  const call = () =>
    exchange(request).then(
      () => 'granted',
      (error) => error.reason ?? 'crash',
    )
  const ask = (next: Answer) => {
    answer = async () => {
      if (next === 'granted') return issued
      throw next === 'crash' ? new RangeError() : new TokenError(next, 'no')
    }
    return call()
  }
  /** One whose answer comes when it is called for. */
  const begin = () => {
    const { promise, resolve, reject } = Promise.withResolvers<IssuedToken>()
    answer = () => promise
    const answered = call()
    return {
      succeed: () => {
        resolve(issued)
        return answered
      },
      fail: () => {
        reject(new TokenError('upstream_timeout', 'late'))
        return answered
      },
    }
  }
  const open = async () => {
    for (let failure = 0; failure < limits.breakerFailures; failure++) await ask('upstream_broken')
    world.asked = 0
    world.told = []
  }
  return { world, state, ask, begin, open }
}

const outages = ['upstream_unreachable', 'upstream_broken', 'upstream_unusable'] as const

describe('while it is closed', () => {
  it.each(outages)('opens after so many times %s in a row', async (reason) => {
    const { world, state, ask } = breaker()
    for (let failure = 1; failure < limits.breakerFailures; failure++) expect(await ask(reason)).toBe(reason)
    expect(state()).toBe('closed')
    expect(await ask(reason)).toBe(reason)
    expect([state(), world.told]).toEqual(['open', ['open']])
  })

  it('opens after fewer calls that time out one after the other, without an answer to any other', async () => {
    const { world, state, ask } = breaker()
    await ask('upstream_timeout')
    expect(state()).toBe('closed')
    world.nowMs += 15_000
    await ask('upstream_timeout')
    expect(state()).toBe('open')
  })

  it.each<Answer>(['granted', 'credentials_refused', 'upstream_unusable'])(
    'does not count our own time-outs while others are answered "%s"',
    async (answer) => {
      const { world, state, ask, begin } = breaker()
      for (let call = 0; call < 20; call++) {
        const slow = begin()
        world.nowMs += 1
        await ask(answer)
        if (answer === 'upstream_unusable') await ask('granted')
        world.nowMs += 15_000
        expect(await slow.fail()).toBe('upstream_timeout')
      }
      expect(state()).toBe('closed')
    },
  )

  const healthy = (Object.keys(failures) as FailureReason[]).filter(
    (reason) => !['upstream_timeout', 'client_gone', ...outages].includes(reason),
  )
  it.each<Answer>(['granted', 'crash', ...healthy])(
    'takes "%s" for no outage, and begins to count anew',
    async (answer) => {
      const { state, ask } = breaker()
      for (let round = 0; round < 3; round++) {
        for (let failure = 1; failure < limits.breakerFailures; failure++) await ask('upstream_broken')
        await ask(answer)
      }
      expect(state()).toBe('closed')
    },
  )
})

describe('while it is open', () => {
  it('spares authentik, and says so at once', async () => {
    const { world, ask, open } = breaker()
    await open()
    world.nowMs = limits.breakerOpenMs - 1
    for (let request = 0; request < 100; request++) expect(await ask('granted')).toBe('upstream_circuit_open')
    expect(world.asked).toBe(0)
  })

  it('lets one call through when the rest is over, and closes when it succeeds', async () => {
    const { world, state, ask, begin, open } = breaker()
    await open()
    world.nowMs = limits.breakerOpenMs
    const probe = begin()
    expect(state()).toBe('half-open')
    for (let request = 0; request < 10; request++) expect(await ask('granted')).toBe('upstream_circuit_open')
    expect(world.asked).toBe(1)
    expect(await probe.succeed()).toBe('granted')
    expect(world.told).toEqual(['half-open', 'closed'])
    expect(await ask('granted')).toBe('granted')
  })

  it('takes a refusal for a sign of life too', async () => {
    const { world, state, ask, open } = breaker()
    await open()
    world.nowMs = limits.breakerOpenMs
    expect(await ask('credentials_refused')).toBe('credentials_refused')
    expect(state()).toBe('closed')
  })

  it('rests again when the probe fails, as often as it does', async () => {
    const { world, ask, open } = breaker()
    await open()
    for (let round = 1; round <= 3; round++) {
      world.nowMs = round * limits.breakerOpenMs
      expect(await ask('upstream_timeout')).toBe('upstream_timeout')
      expect(await ask('granted')).toBe('upstream_circuit_open')
      expect(world.asked).toBe(round)
    }
  })

  it('has to see as many failures as ever after it was closed', async () => {
    const { world, state, ask, open } = breaker()
    await open()
    world.nowMs = limits.breakerOpenMs
    await ask('granted')
    await ask('upstream_timeout')
    expect(state()).toBe('closed')
  })
})

describe('calls that were under way when it opened', () => {
  it('and fail late do not make it rest longer', async () => {
    const { world, ask, begin, open } = breaker()
    const late = begin()
    await open()
    world.nowMs = limits.breakerOpenMs - 1
    expect(await late.fail()).toBe('upstream_timeout')
    world.nowMs = limits.breakerOpenMs
    expect(await ask('granted')).toBe('granted')
  })

  it('and succeed late show that authentik is well', async () => {
    const { state, begin, open } = breaker()
    const late = begin()
    await open()
    await late.succeed()
    expect(state()).toBe('closed')
  })
})

it('has one state for all that it protects', async () => {
  const { protect, state } = createBreaker(limits, () => 0)
  const [registry, session] = [1, 2].map(() =>
    protect(async (_: ExchangeRequest) => {
      throw new TokenError('upstream_broken', 'no')
    }),
  )
  for (const exchange of [registry, session, registry]) await exchange?.(request).catch(() => {})
  expect(state()).toBe('open')
})

it('spares another server by the failures and with the refusal of that one', async () => {
  const review = new TokenError('kubernetes_unavailable', 'no answer')
  const told: BreakerState[] = []
  let nowMs = 0
  let asked = 0
  let answer = (): Promise<boolean> => Promise.reject(review)
  const { protect } = createBreaker(
    limits,
    () => nowMs,
    (state) => told.push(state),
    clusterOutage,
  )
  const ask = protect((_token: string, _audience: string) => {
    asked += 1
    return answer()
  })
  const refused = expect.objectContaining({ reason: 'kubernetes_unavailable', facts: { cause: 'circuit_open' } })
  for (let failure = 0; failure < limits.breakerFailures; failure++) await expect(ask('t', 'a')).rejects.toBe(review)
  for (let call = 0; call < 100; call++) await expect(ask('t', 'a')).rejects.toEqual(refused)
  expect(asked).toBe(limits.breakerFailures)
  nowMs += limits.breakerOpenMs
  answer = async () => false
  expect([await ask('t', 'a'), asked]).toEqual([false, limits.breakerFailures + 1])
  expect(told).toEqual(['open', 'half-open', 'closed'])
})

describe('a call whose client hung up', () => {
  it('is neither a failure nor an answer', async () => {
    const { ask, state } = breaker()
    for (let failure = 1; failure < limits.breakerFailures; failure++) await ask('upstream_broken')
    for (let call = 0; call < 20; call++) await ask('client_gone')
    expect(state()).toBe('closed')
    await ask('upstream_broken')
    expect(state()).toBe('open')
  })

  it('leaves it to the next one to find out whether authentik is back', async () => {
    const { ask, open, state, world } = breaker()
    await open()
    world.nowMs += limits.breakerOpenMs
    expect([await ask('client_gone'), state()]).toEqual(['client_gone', 'open'])
    expect([await ask('granted'), state()]).toEqual(['granted', 'closed'])
  })
})
