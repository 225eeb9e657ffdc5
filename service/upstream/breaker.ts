/**
 * A circuit breaker: while authentik is down, clients get an error at once instead of a time-out, and when it comes
 * back they do not all reach it at the same moment: one call probes it first. Another one protects the own cluster's
 * API server.
 */
import { type FailureReason, TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'

export const breakerStates = ['closed', 'half-open', 'open'] as const
export type BreakerState = (typeof breakerStates)[number]

export interface Breaker {
  /** Puts the breaker in front of calls; all share its state. */
  protect<Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>): (...args: Args) => Promise<Result>
  state(): BreakerState
}

/** What a server's outage looks like. */
export interface Outage {
  /** Only these mean that it is unwell; a refusal is a healthy answer. */
  readonly reasons: ReadonlySet<FailureReason>
  /** What clients read while it gets no calls. */
  readonly refuse: () => TokenError
}

/**
 * Of authentik. A time-out is ours, so it says that authentik is unwell only if that has answered nothing else
 * meanwhile: in a rush calls wait for each other.
 */
const authentikOutage: Outage = {
  reasons: new Set(['upstream_unreachable', 'upstream_timeout', 'upstream_broken', 'upstream_unusable']),
  refuse: () =>
    new TokenError(
      'upstream_circuit_open',
      'The login server (authentik) has failed several times in a row, so it gets no requests for a few seconds; try again ' +
        'then, or tell the operator',
    ),
}

/**
 * Makes one.
 * @param now milliseconds
 * @param outage of the server that it spares; authentik's
 */
export function createBreaker(
  limits: Pick<Limits, 'breakerFailures' | 'breakerTimeouts' | 'breakerOpenMs'>,
  now: () => number,
  onChange: (state: BreakerState) => void = () => {},
  outage = authentikOutage,
): Breaker {
  let state: BreakerState = 'closed'
  let failures = 0
  let timeouts = 0
  let answeredMs = Number.NEGATIVE_INFINITY
  let probeAtMs = 0

  const become = (next: BreakerState) => {
    if (next === state) return
    state = next
    onChange(next)
  }
  const open = () => {
    probeAtMs = now() + limits.breakerOpenMs
    become('open')
  }
  const refuse = () => {
    throw outage.refuse()
  }
  const failed = (error: unknown, beganMs: number) => {
    // Nobody waited for what authentik would have said: the next call has to find out.
    if (error instanceof TokenError && error.reason === 'client_gone') {
      if (state === 'half-open') become('open')
      return
    }
    if (!(error instanceof TokenError) || !outage.reasons.has(error.reason)) return succeeded()
    if (error.reason === 'upstream_timeout') {
      if (answeredMs > beganMs) return
      timeouts += 1
    }
    if (error.reason === 'upstream_unusable') answeredMs = now()
    failures += 1
    // Calls that were under way when it opened say nothing new.
    const enough = failures >= limits.breakerFailures || timeouts >= limits.breakerTimeouts
    if (state === 'half-open' || (state === 'closed' && enough)) open()
  }
  const succeeded = () => {
    failures = 0
    timeouts = 0
    answeredMs = now()
    become('closed')
  }

  return {
    state: () => state,
    protect:
      (call) =>
      async (...args) => {
        if (state === 'half-open' || (state === 'open' && now() < probeAtMs)) return refuse()
        if (state === 'open') become('half-open')
        const beganMs = now()
        try {
          const answer = await call(...args)
          succeeded()
          return answer
        } catch (error) {
          failed(error, beganMs)
          throw error
        }
      },
  }
}
