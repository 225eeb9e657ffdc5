/**
 * A circuit breaker: while authentik is down, clients get an error at once instead of a time-out, and when it comes back
 * they do not all reach it at the same moment: one call probes it first.
 */
import { type FailureReason, TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Call } from './exchange.ts'

export const breakerStates = ['closed', 'half-open', 'open'] as const
export type BreakerState = (typeof breakerStates)[number]

export interface Breaker {
  /** Puts the breaker in front of calls; all share its state. */
  protect<Result>(call: Call<Result>): Call<Result>
  state(): BreakerState
}

/**
 * Only these say that authentik is unwell; a refusal is a healthy answer. A time-out is ours, so it says so only if
 * authentik has answered nothing else meanwhile: in a rush calls wait for each other.
 */
const outages: ReadonlySet<FailureReason> = new Set([
  'upstream_unreachable',
  'upstream_timeout',
  'upstream_broken',
  'upstream_unusable',
])

/** @param now milliseconds */
export function createBreaker(
  limits: Pick<Limits, 'breakerFailures' | 'breakerTimeouts' | 'breakerOpenMs'>,
  now: () => number,
  onChange: (state: BreakerState) => void = () => {},
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
    throw new TokenError(
      'upstream_circuit_open',
      'The login server (authentik) has failed several times in a row, so it gets no requests for a few seconds; try again ' +
        'then, or tell the operator',
    )
  }
  const failed = (error: unknown, beganMs: number) => {
    // Nobody waited for what authentik would have said: the next call has to find out.
    if (error instanceof TokenError && error.reason === 'client_gone') {
      if (state === 'half-open') become('open')
      return
    }
    if (!(error instanceof TokenError) || !outages.has(error.reason)) return succeeded()
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
    protect: (call) => async (request) => {
      if (state === 'half-open' || (state === 'open' && now() < probeAtMs)) return refuse()
      if (state === 'open') become('half-open')
      const beganMs = now()
      try {
        const answer = await call(request)
        succeeded()
        return answer
      } catch (error) {
        failed(error, beganMs)
        throw error
      }
    },
  }
}
