/** The metrics page of an idle token service, for tests of what reads it. */
import { limits } from '../limits.ts'
import { createMetrics, type Gauges, type Metrics } from './metrics.ts'

const none = () => 0

/** @param gauges those that are of interest */
export function restingMetrics(gauges: Partial<Gauges> = {}): Metrics {
  const metrics = createMetrics()
  metrics.watch(
    {
      inFlight: none,
      places: none,
      waiting: none,
      cacheEntries: none,
      cacheBytes: none,
      refusedKeys: none,
      breaker: () => 'closed',
      ready: () => true,
      probeAuthentik: () => {},
      authentikAnswers: () => true,
      registryKeysMatch: () => true,
      registryKeyCreated: async () => undefined,
      rules: none,
      rulesRejected: () => false,
      ruleDigests: () => [],
      cleanUpUntilMs: () => undefined,
      ...gauges,
    },
    limits,
  )
  return metrics
}
