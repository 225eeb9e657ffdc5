/** What a prober has found, in Prometheus' format. */
import { Gauge, Registry } from 'prom-client'
import { type Probe, probeMetrics } from './measured.ts'
import { PAUSED, type ProbeResult } from './probe.ts'

export interface ProberMetrics {
  /** @param nowMs milliseconds since 1970 */
  record(results: readonly ProbeResult[] | typeof PAUSED, nowMs: number): void
  /** @param admitted undefined leaves what is known */
  stranger(admitted: boolean | undefined): void
  page(): Promise<string>
  readonly contentType: string
}

/** @param own the probes of this prober */
export function createProberMetrics(own: readonly Probe[]): ProberMetrics {
  const registry = new Registry()
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  const { success, duration, lastSuccess, admitted, paused } = probeMetrics
  const gauges = {
    success: gauge(success, 'Whether the last run of a probe went as it has to: 1 yes, 0 no', ['probe']),
    duration: gauge(duration, 'Seconds that the last run of a probe took', ['probe']),
    lastSuccess: gauge(lastSuccess, 'Unix time of the last run that went as it has to', ['probe']),
    paused: gauge(paused, '1 while the registry refuses pushes for its clean-up; the others then stay as they were'),
  }
  const isIn = own.includes('stranger')
    ? gauge(admitted, '1 if the registry lets a prober push that has no rule: alert on it at once')
    : undefined
  return {
    record: (results, nowMs) => {
      const now = Math.floor(nowMs / 1000)
      gauges.paused.set(Number(results === PAUSED))
      if (results === PAUSED) return
      for (const { probe, ok, seconds } of results) {
        gauges.success.set({ probe }, Number(ok))
        gauges.duration.set({ probe }, seconds)
        if (ok) gauges.lastSuccess.set({ probe }, now)
      }
    },
    stranger: (admitted) => {
      if (admitted !== undefined) isIn?.set(Number(admitted))
    },
    page: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
