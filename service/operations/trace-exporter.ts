/**
 * Sends finished spans to the collector, and says in the log when that does not work: the libraries themselves are
 * mute.
 */
import { readFileSync } from 'node:fs'
import type { AgentOptions } from 'node:https'
import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import { type Proxies, proxyEnvironment } from '../upstream/proxies.ts'
import type { Log } from './log.ts'

/**
 * @param to the URL of the collector, with the path, and the proxies on the way
 * @param timeoutMs for one batch
 */
export function createTraceExporter(
  { url, proxies }: { url: string; proxies: Proxies | undefined },
  timeoutMs: number,
  log: Pick<Log, 'info' | 'warn'>,
): SpanExporter {
  const exporter = new OTLPTraceExporter({
    url,
    timeoutMillis: timeoutMs,
    ...(proxies ? { httpAgentOptions: agentOptions(proxies, process.env, log) } : {}),
  })
  let lostSpans = 0
  // Logged once, not for each batch.
  const report = ({ code, error }: ExportResult, spans: number) => {
    if (code === ExportResultCode.FAILED) {
      if (lostSpans === 0) log.warn({ cause: causeOf(error) }, 'traces do not reach the collector and are lost')
      lostSpans += spans
    } else if (lostSpans > 0) {
      log.info({ lostSpans }, 'traces reach the collector again')
      lostSpans = 0
    }
  }
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        report(result, spans.length)
        done(result)
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  }
}

/** With options of ours the library does not read the certificates that the environment names. */
function agentOptions(
  proxies: Proxies,
  env: Readonly<Record<string, string | undefined>>,
  log: Pick<Log, 'warn'>,
): AgentOptions {
  const file = (name: string) => {
    const path = env[`OTEL_EXPORTER_OTLP_TRACES_${name}`] || env[`OTEL_EXPORTER_OTLP_${name}`]
    try {
      return path ? readFileSync(path) : undefined
    } catch {
      log.warn(`OTEL_EXPORTER_OTLP_${name} names a file that cannot be read`)
      return undefined
    }
  }
  const [ca, cert, key] = [file('CERTIFICATE'), file('CLIENT_CERTIFICATE'), file('CLIENT_KEY')]
  return {
    keepAlive: true,
    proxyEnv: proxyEnvironment(proxies),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  }
}

/** The code of a connection's error, whose message can quote the URL, or a status; what has neither is a fixed text. */
function causeOf(error: Error | undefined): string {
  const code = error && 'code' in error ? error.code : undefined
  return typeof code === 'string' || typeof code === 'number' ? String(code) : (error?.message ?? 'unknown')
}
