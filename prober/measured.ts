/** What the probers try, and how often; infra/monitoring/probe-metrics.ts names what they measure. */
import type { probes } from '../infra/monitoring/probe-metrics.ts'

export type Probe = (typeof probes)[number]

/**
 * Seconds from the end of one run to the next. The token service has by then forgotten a token that it gave, so each push
 * asks authentik.
 */
export const OWNER_SECONDS = 60
/** A refusal costs authentik nothing, and a hole in the rules is to be seen within a minute. */
export const STRANGER_SECONDS = 20
