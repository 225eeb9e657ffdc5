/**
 * Alerts on the success rate by how fast it burns what an objective allows to fail, over a long window, which says that
 * it matters, and a short one, which says that it goes on (sre.google/workbook/alerting-on-slos, table 5-8).
 */
import type { Alert, Severity } from './alert.ts'

/** Three and a half hours a month: authentik, on which all depends, is updated and restarted in that time. */
export const OBJECTIVE = 0.995
/** Fewer failures do not wake a person: at night a single one may be a large part. */
const LEAST_FAILURES = 10

export const burnWindows: readonly { factor: number; long: string; short: string; severity: Severity }[] = [
  { factor: 14.4, long: '1h', short: '5m', severity: 'critical' },
  { factor: 6, long: '6h', short: '30m', severity: 'critical' },
  { factor: 1, long: '3d', short: '6h', severity: 'warning' },
]

export interface BurnArgs {
  part: string
  /** Selectors of counters. */
  failed: string
  all: string
  /** What a failure is, and its usual cause. */
  means: string
  advice: string
}

export function burnAlerts({ part, failed, all, means, advice }: BurnArgs): Alert[] {
  return burnWindows.map(({ factor, long, short, severity }) => {
    const share = Number((factor * (1 - OBJECTIVE)).toFixed(4))
    const above = (window: string) => `sum(rate(${failed}[${window}])) / sum(rate(${all}[${window}])) > ${share}`
    return {
      name: 'RequestsFail',
      expr: `(${above(long)}) and (${above(short)}) and (sum(increase(${failed}[${long}])) >= ${LEAST_FAILURES})`,
      severity,
      labels: { part, window: long },
      summary: `More than ${Number((share * 100).toFixed(1))} % of requests to the ${part} fail, over ${long}`,
      description: `${means} ${advice}`,
    }
  })
}
