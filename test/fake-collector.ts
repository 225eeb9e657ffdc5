/** A collector of traces on loopback: takes OTLP as JSON, keeps it, and fails on demand. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** An attribute as OTLP/JSON has it, as far as tests look. */
interface Attribute {
  key: string
  value: { stringValue?: string; intValue?: number }
}

export interface ReceivedSpan {
  name: string
  kind: number
  traceId: string
  spanId: string
  parentSpanId?: string
  status: { code: number; message?: string }
  attributes: Attribute[]
}

interface Batch {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: ReceivedSpan[] }[] }[]
}

/** Numbers of OTLP's `SpanKind` and `Status.StatusCode`. */
export const spanKind = { server: 2, client: 3 }
export const statusError = 2

export interface Collector {
  /** As OTEL_EXPORTER_OTLP_ENDPOINT has it. */
  readonly url: string
  /** Of its answers. */
  status: number
  /** Whether it answers at all. */
  answers: boolean
  readonly received: { path: string; headers: IncomingMessage['headers']; body: Batch }[]
  /** All that came, in the order in which they ended. */
  spans(): ReceivedSpan[]
  /** What the first batch says of its sender. */
  resource(): Record<string, unknown>
  stop(): Promise<void>
}

export async function startCollector(): Promise<Collector> {
  const received: Collector['received'] = []
  const server = createServer(async (request, response) => {
    received.push({ path: request.url ?? '', headers: request.headers, body: (await json(request)) as Batch })
    if (collector.answers) response.writeHead(collector.status, { 'content-type': 'application/json' }).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const resourceSpans = () => received.flatMap(({ body }) => body.resourceSpans)
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    status: 200,
    answers: true,
    received,
    spans: () => resourceSpans().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    resource: () => attributesOf(resourceSpans()[0]?.resource),
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return collector
}

/** Attributes by name. */
export function attributesOf(span: { attributes: Attribute[] } | undefined): Record<string, unknown> {
  return Object.fromEntries(
    (span?.attributes ?? []).map(({ key, value }) => [key, value.stringValue ?? value.intValue]),
  )
}
