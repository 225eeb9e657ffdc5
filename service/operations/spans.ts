/** What is traced of a request and of a call to authentik, whoever traces it. */
import type { Limits } from '../limits.ts'
import type { Decision } from './audit.ts'
import type { Purpose } from './metrics.ts'

/** What a span may know of a request from the start: nothing of headers, scopes and credentials. */
export interface TracedRequest {
  path: '/token' | '/revoke'
  method: string
  /** The client's header as Node gives it (W3C Trace Context): the span that this one is a child of. */
  traceparent: string | string[] | undefined
  requestId: string
}

/** The span of a request. */
export interface RequestSpan {
  /** 32 hex digits, for the log; undefined where there are no traces. */
  readonly traceId: string | undefined
  /** Says how the request ended; only these fields of the decision are taken. */
  answered(decision: Pick<Decision, 'status' | 'outcome' | 'reason' | 'credential' | 'exchanges'>): void
}

/** A call to authentik. */
export interface TracedCall {
  method: string
  url: URL
  purpose: Purpose
}

/** The span of a call to authentik. */
export interface CallSpan {
  /** To send with the call: `traceparent`, or nothing. */
  readonly headers: Readonly<Record<string, string>>
  answered(status: number): void
}

export interface Tracing {
  /** Does the work of one request; what it calls by `upstream` belongs to the request's span, however deep inside. */
  request<Result>(request: TracedRequest, work: (span: RequestSpan) => Promise<Result>): Promise<Result>
  /** Does one call; where it throws, the span has the error's reason or name, never its message. */
  upstream<Result>(call: TracedCall, work: (span: CallSpan) => Promise<Result>): Promise<Result>
  /** Sends what is left, and gives up in time (`traceCloseMs`). */
  close(): Promise<void>
}

/** What traces may cost; a collector that is away or slow loses traces, and nothing else. */
export type TraceBounds = Pick<
  Limits,
  'traceQueueSpans' | 'traceBatchSpans' | 'traceBatchDelayMs' | 'traceExportMs' | 'traceCloseMs'
>
