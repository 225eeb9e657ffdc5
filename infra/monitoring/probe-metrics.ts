/** The metrics of the probers that alerts and board name. */

/** What the probers try, the label `probe`: the first three as who has a rule, the last as who has none. */
export const probes = ['push', 'pull', 'delete', 'stranger'] as const

export const probeMetrics = {
  /** 1 if the last run of a probe went as it must, 0 if not. */
  success: 'registry_probe_success',
  /** Seconds that the last run of a probe took. */
  duration: 'registry_probe_duration_seconds',
  /** Unix time of the last run that did. */
  lastSuccess: 'registry_probe_last_success_timestamp_seconds',
  /** 1 if the registry lets the prober in that no rule names. */
  admitted: 'registry_probe_stranger_admitted',
  /** 1 while a clean-up refuses pushes; the others then stay as they were. */
  paused: 'registry_probe_paused',
} as const
