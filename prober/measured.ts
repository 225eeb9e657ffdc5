/** What the probers try, how often, and the metrics in which they say how it went; alerts and dashboard name these. */

/** What the probers try, the label `probe`: the first three with a rule, the last without one. */
export const probes = ['push', 'pull', 'delete', 'stranger'] as const
export type Probe = (typeof probes)[number]

/**
 * Seconds from the end of one run to the next. The token service has by then forgotten a token that it gave, so each
 * push asks authentik.
 */
export const OWNER_SECONDS = 60
/** A refusal costs authentik nothing, and a hole in the rules is to be seen within a minute. */
export const STRANGER_SECONDS = 20

export const probeMetrics = {
  /** 1 if the last run of a probe succeeded, 0 if not. */
  success: 'registry_probe_success',
  /** Seconds that the last run of a probe took. */
  duration: 'registry_probe_duration_seconds',
  /** Unix time of the last run that succeeded. */
  lastSuccess: 'registry_probe_last_success_timestamp_seconds',
  /** 1 if the registry admits the prober that no rule names. */
  admitted: 'registry_probe_stranger_admitted',
  /** 1 while a clean-up refuses pushes; the others then stay as they were. */
  paused: 'registry_probe_paused',
} as const
