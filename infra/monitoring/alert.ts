/** One alert, in what Prometheus and its reader need. */

/** Somebody is woken by `critical`; `warning` can wait for the day. */
export type Severity = 'critical' | 'warning'

export interface Alert {
  /** Without the prefix, as docs/monitoring.md has it as a heading. */
  name: string
  expr: string
  /** How long the expression must hold, in Prometheus' words. */
  for?: string
  severity: Severity
  labels?: Readonly<Record<string, string>>
  summary: string
  description: string
}
