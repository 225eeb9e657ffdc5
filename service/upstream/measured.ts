/** Counts and times the calls that reach authentik. */
import { TokenError } from '../errors.ts'
import type { AuthentikState } from '../operations/authentik-state.ts'
import type { Metrics, Purpose } from '../operations/metrics.ts'
import type { Call } from './exchange.ts'

export interface MeasureDependencies {
  purpose: Purpose
  metrics: Pick<Metrics, 'upstream'>
  /** Called when authentik has answered something. */
  authentik: Pick<AuthentikState, 'answered'>
  /** Milliseconds. */
  now: () => number
}

export function measureCall<Result>(
  call: Call<Result>,
  { purpose, metrics, authentik, now }: MeasureDependencies,
): Call<Result> {
  return async (request) => {
    const startedMs = now()
    const count = (outcome: string) => metrics.upstream(purpose, outcome, (now() - startedMs) / 1000)
    try {
      const answer = await call(request)
      count('granted')
      authentik.answered()
      return answer
    } catch (error) {
      const reason = error instanceof TokenError ? error.reason : 'internal'
      count(reason)
      if (reason === 'credentials_refused') authentik.answered()
      throw error
    }
  }
}
