/**
 * Traces: one span for each request to `/token` or `/revoke`, and below it one for each call to authentik. Off unless
 * the usual OpenTelemetry variables name a collector; the libraries are only evaluated then.
 */

import type { Proxies } from '../upstream/proxies.ts'
import type { Log } from './log.ts'
import type { CallSpan, RequestSpan, TraceBounds, Tracing } from './spans.ts'
import { readTraceSettings } from './trace-settings.ts'

const noRequestSpan: RequestSpan = { traceId: undefined, answered() {} }
const noCallSpan: CallSpan = { headers: {}, answered() {} }

/** No traces. */
export const noTracing: Tracing = {
  request: (_, work) => work(noRequestSpan),
  upstream: (_, work) => work(noCallSpan),
  close: async () => {},
}

/**
 * Begins to trace, if the environment says so.
 * @param env the process's own: service name, resource, headers and certificates the libraries read from it themselves
 * @param log gets a line for each wrong variable, and when traces start and stop being lost
 */
export async function openTracing(
  env: Readonly<Record<string, string | undefined>>,
  log: Pick<Log, 'info' | 'warn'>,
  bounds: TraceBounds,
  proxies?: Proxies,
): Promise<Tracing> {
  const settings = readTraceSettings(env, (message) => log.warn(message))
  if (settings === undefined) return noTracing
  const { createTracing } = await import('./opentelemetry.ts')
  return createTracing({ ...settings, proxies }, log, bounds)
}
