/** Traces by OpenTelemetry's own libraries; `tracing.ts` says what of them the rest of the service sees. */
import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { TokenError } from '../errors.ts'
import type { Proxies } from '../upstream/proxies.ts'
import type { Log } from './log.ts'
import type { TraceBounds, Tracing } from './spans.ts'
import { createTraceExporter } from './trace-exporter.ts'
import type { SamplerSettings, TraceSettings } from './trace-settings.ts'

/** Where no OTEL_SERVICE_NAME says otherwise. */
const SERVICE_NAME = 'token-service'
/** What is not in the specification's list of attributes stands below this name. */
const OWN = 'passwordless_registry'
/** What `/token` takes; any other method is a text of the client's (semantic conventions, `http.request.method`). */
const methods = ['GET', 'HEAD', 'POST']

/** Makes the tracing; see `openTracing`. */
export function createTracing(
  settings: TraceSettings & { proxies: Proxies | undefined },
  log: Pick<Log, 'info' | 'warn'>,
  bounds: TraceBounds,
): Tracing {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': SERVICE_NAME }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    sampler: samplerFrom(settings.sampler),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: createTraceExporter(settings, bounds.traceExportMs, log),
        maxQueueSize: bounds.traceQueueSpans,
        maxExportBatchSize: bounds.traceBatchSpans,
        scheduledDelayMillis: bounds.traceBatchDelayMs,
        exportTimeoutMillis: bounds.traceExportMs,
      }),
    ],
  })
  const tracer = provider.getTracer(SERVICE_NAME)
  const propagator = new W3CTraceContextPropagator()
  const current = new AsyncLocalStorage<Context>()

  return {
    request: ({ method, path, traceparent, requestId }, work) => {
      const known = methods.includes(method) ? method : '_OTHER'
      // Without `tracestate`: it is a text of the client's, and would go to authentik and to the collector.
      const above = propagator.extract(ROOT_CONTEXT, { traceparent }, defaultTextMapGetter)
      const span = tracer.startSpan(
        `${known} ${path}`,
        {
          kind: SpanKind.SERVER,
          attributes: {
            'http.request.method': known,
            'http.route': path,
            'url.path': path,
            'url.scheme': 'http',
            [`${OWN}.request_id`]: requestId,
          },
        },
        above,
      )
      const { traceId } = span.spanContext()
      return current.run(trace.setSpan(above, span), () =>
        ended(span, () =>
          work({
            traceId,
            answered: ({ status = 0, outcome, reason, credential, exchanges }) => {
              span.setAttributes({
                'http.response.status_code': status,
                ...named({ outcome, reason, credential, exchanges }),
              })
              // Semantic conventions: for a server, a 4xx is not an error.
              if (status >= 500) fail(span, reason ?? String(status))
            },
          }),
        ),
      )
    },

    upstream: ({ method, url, purpose }, work) => {
      const above = current.getStore() ?? ROOT_CONTEXT
      const span = tracer.startSpan(
        method,
        {
          kind: SpanKind.CLIENT,
          attributes: {
            'http.request.method': method,
            'server.address': url.hostname,
            'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
            'url.full': url.origin + url.pathname,
            [`${OWN}.purpose`]: purpose,
          },
        },
        above,
      )
      const headers: Record<string, string> = {}
      propagator.inject(trace.setSpan(above, span), headers, defaultTextMapSetter)
      return ended(span, () =>
        work({
          headers,
          answered: (status) => {
            span.setAttribute('http.response.status_code', status)
            if (status >= 400) fail(span, String(status))
          },
        }),
      )
    },

    close: async () => {
      const { promise: tooLate, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, bounds.traceCloseMs)
      // The exporter has logged what could not be delivered.
      await Promise.race([provider.shutdown().catch(() => {}), tooLate])
      clearTimeout(timer)
    },
  }
}

function samplerFrom({ ratio, byParent }: SamplerSettings): Sampler {
  const root = new TraceIdRatioBasedSampler(ratio)
  return byParent ? new ParentBasedSampler({ root }) : root
}

/** Does the work and ends its span, also where it throws. */
async function ended<Result>(span: Span, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    // Messages of errors can quote what the client sent.
    fail(span, error instanceof TokenError ? error.reason : error instanceof Error ? error.name : 'unknown')
    throw error
  } finally {
    span.end()
  }
}

function fail(span: Span, kind: string): void {
  span.setAttribute('error.type', kind).setStatus({ code: SpanStatusCode.ERROR })
}

function named(attributes: Record<string, string | number | undefined>): Record<string, string | number> {
  const known = Object.entries(attributes).flatMap(([name, value]) =>
    value === undefined ? [] : [[`${OWN}.${name}`, value] as const],
  )
  return Object.fromEntries(known)
}
