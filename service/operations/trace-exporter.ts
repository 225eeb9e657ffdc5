/** Sends finished spans to the collector, and says in the log when that does not work: the libraries themselves are mute. */
import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Log } from './log.ts'

/**
 * @param url of the collector, with the path
 * @param timeoutMs for one batch
 */
export function createTraceExporter(url: string, timeoutMs: number, log: Pick<Log, 'info' | 'warn'>): SpanExporter {
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: timeoutMs })
  let lostSpans = 0
  // Said once, not for each batch.
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

/** The code of a connection's error, whose message can quote the URL, or a status; what has neither is a fixed text. */
function causeOf(error: Error | undefined): string {
  const code = error && 'code' in error ? error.code : undefined
  return typeof code === 'string' || typeof code === 'number' ? String(code) : (error?.message ?? 'unknown')
}
