/** Counts and times the calls that reach authentik. */
import { TokenError } from '../errors.ts'
import type { AuthentikState } from '../operations/authentik-state.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { Exchange } from './exchange.ts'

export interface MeasureDependencies {
  purpose: 'registry' | 'session'
  metrics: Pick<Metrics, 'upstream'>
  /** Told when authentik has answered something. */
  authentik: Pick<AuthentikState, 'answered'>
  /** Milliseconds. */
  now: () => number
}

export function measureExchange(
  exchange: Exchange,
  { purpose, metrics, authentik, now }: MeasureDependencies,
): Exchange {
  return async (request) => {
    const startedMs = now()
    const count = (outcome: string) => metrics.upstream(purpose, outcome, (now() - startedMs) / 1000)
    try {
      const issued = await exchange(request)
      count('granted')
      authentik.answered()
      return issued
    } catch (error) {
      const reason = error instanceof TokenError ? error.reason : 'internal'
      count(reason)
      if (reason === 'credentials_refused') authentik.answered()
      throw error
    }
  }
}
