/** The metrics of the probers, which push and pull from within the cluster as a job and as a stranger. */

/** What a prober is: who must get in, and who must not. */
export const probes = ['member', 'stranger'] as const
export type Probe = (typeof probes)[number]

/** Seconds between two tries of the stranger: a hole in the rules is told within a minute. */
export const STRANGER_SECONDS = 20

export const probeMetrics = {
  /** Gauge by `probe`: 1 if its last try went as it must, 0 if not. */
  success: 'passwordless_registry_probe_success',
  /** Gauge: 1 if the stranger's last try got a token that grants something, or got in at the registry. */
  gotIn: 'passwordless_registry_probe_got_in',
  /** Gauge by `probe`: Unix time at which its last try ended. */
  lastTry: 'passwordless_registry_probe_last_try_timestamp_seconds',
  /** Gauge: Unix time at which the certificate of the way in expires, the first of its chain. */
  certificateExpires: 'passwordless_registry_probe_certificate_expiry_timestamp_seconds',
} as const
