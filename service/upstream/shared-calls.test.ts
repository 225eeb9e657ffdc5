/** Who waits for a call that is shared, and what becomes of it when they hang up. */
import { expect, it, vi } from 'vitest'
import { presented } from '../../test/presented.ts'
import { limits } from '../limits.ts'
import { Secret } from '../secret.ts'
import { type Callers, clientGone } from './callers.ts'
import type { IssuedToken } from './exchange.ts'
import { createGate } from './gate.ts'
import { createTokenCache } from './token-cache.ts'

const settled = () => new Promise((resolve) => setImmediate(resolve))

/** A cache and a gate with one place, in front of calls that end when a test says so. */
function shared() {
  const gate = createGate({ ...limits, upstreamConnections: 1 }, () => 0)
  const cache = createTokenCache({
    limits,
    now: () => 0,
    count: () => {},
    admit: () => {},
    isRevoked: () => false,
  })
  const calls: {
    token: string
    callers: Callers | undefined
    abandoned: AbortSignal | undefined
    end: (issued: IssuedToken) => void
  }[] = []
  const exchange = cache.remember(
    gate.protect(({ credential, callers, abandoned }) => {
      const { promise, resolve, reject } = Promise.withResolvers<IssuedToken>()
      abandoned?.addEventListener('abort', () => reject(clientGone()))
      const token = credential.kind === 'password' ? '' : credential.jwt.reveal()
      calls.push({ token, callers, abandoned, end: resolve })
      return promise
    }),
    'registry',
  )
  const ask = (token: string, untilMs = 45_000) => {
    let listener: (() => void) | undefined
    const stop = vi.fn()
    const caller = {
      address: '',
      untilMs,
      begun: false,
      whenGone: (gone: () => void) => {
        listener = gone
        return stop
      },
    }
    const answer = exchange({
      credential: presented({ kind: 'ci_token', jwt: new Secret(token) }),
      scopes: [],
      requestId: 'id',
      verified: true,
      caller,
    }).then(
      () => 'granted',
      (error) => error.reason as string,
    )
    return { answer, caller, stop, hangUp: () => listener?.() }
  }
  const end = async () => {
    calls.at(-1)?.end({ token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: 0, access: [] })
    await settled()
  }
  return { ask, end, calls, waiting: gate.waiting, inFlight: gate.inFlight }
}

it('a call waits on while one of those that share it does, as long as the most patient', async () => {
  const { ask, end, calls, waiting } = shared()
  ask('other')
  await settled()
  const [docker, skopeo] = [ask('a', 14_700), ask('a', 45_000)]
  await settled()
  docker.hangUp()
  expect([await docker.answer, waiting()]).toEqual(['client_gone', 1])
  await end()
  expect([calls.at(-1)?.token, calls.at(-1)?.callers?.untilMs()]).toEqual(['a', 45_000])
  await end()
  expect(await skopeo.answer).toBe('granted')
  expect(skopeo.stop).toHaveBeenCalled()
})

it('a call that all have left is given up, and whoever asks then gets another one', async () => {
  const { ask, end, calls, waiting, inFlight } = shared()
  ask('other')
  await settled()
  const gone = [ask('a'), ask('a')]
  await settled()
  for (const { hangUp } of gone) hangUp()
  const again = ask('a')
  await settled()
  expect([waiting(), await gone[0]?.answer, await gone[1]?.answer]).toEqual([1, 'client_gone', 'client_gone'])
  await end()
  await end()
  expect(await again.answer).toBe('granted')
  expect([calls.map(({ token }) => token), inFlight(), waiting()]).toEqual([['other', 'a'], 0, 0])
})

it('a call under way goes on while one of those that share it waits', async () => {
  const { ask, end, calls } = shared()
  const first = ask('a')
  await settled()
  const second = ask('a')
  first.hangUp()
  expect(await first.answer).toBe('client_gone')
  expect(calls[0]?.abandoned?.aborted).toBe(false)
  await end()
  expect(await second.answer).toBe('granted')
  expect(await ask('a').answer).toBe('granted')
  expect(calls).toHaveLength(1)
})

it('a call under way that all have left ends, and whoever asks then does not get its failure', async () => {
  const { ask, calls, waiting, inFlight } = shared()
  const gone = ask('a')
  await settled()
  gone.hangUp()
  const again = ask('a')
  await settled()
  expect([calls[0]?.abandoned?.aborted, await gone.answer]).toEqual([true, 'client_gone'])
  // It waits until authentik is likely to be done with the first one.
  expect([calls.length, inFlight(), waiting()]).toEqual([1, 1, 1])
  again.hangUp()
  expect(await again.answer).toBe('client_gone')
})

it('whoever has a part of the answer counts as one that has begun', async () => {
  const { ask, end } = shared()
  const { answer, caller } = ask('a')
  await settled()
  expect(caller.begun).toBe(false)
  await end()
  await answer
  expect(caller.begun).toBe(true)
})
