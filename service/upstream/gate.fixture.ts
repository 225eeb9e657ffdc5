/** A gate by a clock that stands still, and requests at it. */
import { vi } from 'vitest'
import { presented } from '../../test/presented.ts'
import { TokenError } from '../errors.ts'
import { Secret } from '../secret.ts'
import { clientGone, createCallers } from './callers.ts'
import type { ExchangeRequest, IssuedToken } from './exchange.ts'
import { createGate, type GateLimits } from './gate.ts'

export const issued: IssuedToken = { token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: 0, access: [] }
export const jwt = presented({ kind: 'ci_token', jwt: new Secret('a.b.c') })
export const password = (text: string) => presented({ kind: 'password', username: 'u', password: new Secret(text) })
export const usual: GateLimits = {
  upstreamConnections: 2,
  upstreamFirstConnections: 2,
  upstreamCalmMs: 60_000,
  upstreamQueue: 100,
  upstreamTurnAwayMs: 1_000,
  upstreamTotalMs: 15_000,
  slowRefusalMs: 750,
}

/** Lets all that is due now happen. */
export const settled = () => vi.advanceTimersByTimeAsync(0)

/** A request: who asks for what, with which credential. */
export interface Own {
  credential?: ExchangeRequest['credential']
  verified?: boolean
  scopes?: string[]
  address?: string
  patienceMs?: number
}

/** A gate in front of calls that end when a test says so. */
export function gate(own: Partial<GateLimits> = {}) {
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
