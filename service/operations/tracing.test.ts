import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { attributesOf, type Collector, spanKind, startCollector, statusError } from '../../test/fake-collector.ts'
import { TokenError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { TracedCall, TracedRequest } from './spans.ts'
import { noTracing, openTracing } from './tracing.ts'

/** What is waited for comes, but on a busy machine not within vitest's usual second. */
const BUSY = { timeout: 20_000 }
/** Sent soon, with time enough for a busy machine. */
const quick = { ...limits, traceBatchDelayMs: 20, traceExportMs: 20_000, traceCloseMs: 20_000 }
/** For what only a time-out ends. */
const impatient = { ...quick, traceExportMs: 100, traceCloseMs: 100 }
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const get: TracedRequest = { method: 'GET', path: '/token', traceparent: undefined, requestId: 'r-1' }
const post: TracedCall = {
  method: 'POST',
  url: new URL('https://authentik.example/o/token/?a=hunter2'),
  purpose: 'registry',
}

let collector: Collector
const log = { info: vi.fn(), warn: vi.fn() }

/** As in a pod: the libraries read the process's environment too. */
function open(env: Record<string, string> = {}, bounds = quick) {
  const all = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env }
  for (const [name, value] of Object.entries(all)) vi.stubEnv(name, value)
  return openTracing(process.env, log, bounds)
}

beforeEach(async () => {
  collector = await startCollector()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  vi.clearAllMocks()
  await collector.stop()
})

describe('spans', () => {
  it('go to the collector: the request below the client’s span, the call to authentik below the request', async () => {
    const tracing = await open()
    let sent: Readonly<Record<string, string>> = {}
    let traceId: string | undefined
    const result = await tracing.request({ ...get, traceparent }, async (request) => {
      traceId = request.traceId
      await sleep(1)
      const called = await tracing.upstream(post, async (call) => {
        sent = call.headers
        call.answered(200)
        return 'token'
      })
      request.answered({ status: 200, outcome: 'granted', credential: 'ci_token', exchanges: 1 })
      return called
    })
    await tracing.close()

    expect(result).toBe('token')
    expect(collector.received.map(({ path }) => path)).toEqual(['/v1/traces'])
    const [call, request] = collector.spans()
    expect(traceId).toBe('0af7651916cd43dd8448eb211c80319c')
    expect(request).toMatchObject({
      name: 'GET /token',
      kind: spanKind.server,
      traceId,
      parentSpanId: 'b7ad6b7169203331',
    })
    expect(call).toMatchObject({ name: 'POST', kind: spanKind.client, traceId, parentSpanId: request?.spanId })
    expect(sent).toEqual({ traceparent: `00-${traceId}-${call?.spanId}-01` })
    expect(attributesOf(request)).toEqual({
      'http.request.method': 'GET',
      'http.route': '/token',
      'url.path': '/token',
      'url.scheme': 'http',
      'http.response.status_code': 200,
      'passwordless_registry.request_id': 'r-1',
      'passwordless_registry.outcome': 'granted',
      'passwordless_registry.credential': 'ci_token',
      'passwordless_registry.exchanges': 1,
    })
    expect(attributesOf(call)).toEqual({
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'server.address': 'authentik.example',
      'server.port': 443,
      'url.full': 'https://authentik.example/o/token/',
      'passwordless_registry.purpose': 'registry',
    })
  })

  it('keep requests apart that are under way at the same time', async () => {
    const tracing = await open()
    await Promise.all(
      ['r-1', 'r-2', 'r-3'].map((requestId) =>
        tracing.request({ ...get, requestId }, async () => {
          await sleep(5)
          await tracing.upstream(post, async () => {})
        }),
      ),
    )
    await tracing.close()
    const spans = collector.spans()
    const requests = spans.filter(({ kind }) => kind === spanKind.server)
    const calls = spans.filter(({ kind }) => kind === spanKind.client)
    expect(new Set(requests.map(({ traceId }) => traceId)).size).toBe(3)
    expect(calls.map(({ parentSpanId }) => parentSpanId).sort()).toEqual(requests.map(({ spanId }) => spanId).sort())
  })

  it('hold the reason of a failure, and no text of an error or a client', async () => {
    const tracing = await open()
    const forged = {
      method: 'hunter2',
      path: '/token' as const,
      traceparent: `${traceparent}-hunter2`,
      requestId: 'r-1',
    }
    await tracing.request(forged, async (span) => {
      const failed = tracing.upstream(post, async () => {
        throw new TokenError('upstream_timeout', 'hunter2', { cause: 'hunter2' })
      })
      await expect(failed).rejects.toThrow('hunter2')
      span.answered({ status: 503, outcome: 'failed', reason: 'upstream_timeout' })
    })
    const broken = tracing.request(get, async () => {
      throw new RangeError('hunter2')
    })
    await expect(broken).rejects.toThrow('hunter2')
    await tracing.request(get, async (span) =>
      span.answered({ status: 401, outcome: 'refused', reason: 'token_expired' }),
    )
    await tracing.close()

    const [call, request, thrown, refused] = collector.spans()
    expect(call?.status).toEqual({ code: statusError })
    expect(attributesOf(call)).toMatchObject({ 'error.type': 'upstream_timeout' })
    expect(request).toMatchObject({ name: '_OTHER /token', status: { code: statusError } })
    expect(request?.parentSpanId).toBeUndefined()
    expect(attributesOf(thrown)).toMatchObject({ 'error.type': 'RangeError' })
    expect(refused?.status.code).not.toBe(statusError)
    expect(attributesOf(refused)).toMatchObject({ 'passwordless_registry.reason': 'token_expired' })
    expect(JSON.stringify(collector.received)).not.toContain('hunter2')
  })

  it('follow the variables: name, resource, headers, sampler', async () => {
    const tracing = await open({
      OTEL_SERVICE_NAME: 'tokens',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.name=other',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=acme',
      OTEL_TRACES_SAMPLER: 'parentbased_always_off',
    })
    await tracing.request({ ...get, traceparent }, async () => {})
    await tracing.request({ ...get, traceparent: traceparent.replace(/1$/, '0') }, async () => {})
    await tracing.request(get, async ({ traceId }) => expect(traceId).toMatch(/^[0-9a-f]{32}$/))
    await tracing.close()
    expect(collector.spans()).toHaveLength(1)
    expect(collector.received[0]?.headers['x-tenant']).toBe('acme')
    const resource = collector.resource()
    expect(resource).toMatchObject({ 'service.name': 'tokens', 'deployment.environment.name': 'test' })
  })

  it('have a service name where no variable gives one', async () => {
    const tracing = await open()
    await tracing.request(get, async () => {})
    await tracing.close()
    expect(collector.resource()).toMatchObject({ 'service.name': 'token-service' })
  })
})

describe('a collector that is away', () => {
  it('is said once, delays nobody, and is said again when it is back', async () => {
    const tracing = await open()
    collector.status = 500
    const answer = () => tracing.request(get, async () => tracing.upstream(post, async () => 'token'))
    for (let round = 0; round < 3; round++) {
      expect(await answer()).toBe('token')
      const seen = round
      await vi.waitFor(() => expect(collector.received.length).toBeGreaterThan(seen), BUSY)
    }
    await vi.waitFor(() => expect(log.warn).toHaveBeenCalledTimes(1), BUSY)
    expect(log.warn).toHaveBeenCalledWith({ cause: '500' }, expect.stringContaining('lost'))
    collector.status = 200
    await answer()
    await tracing.close()
    expect(log.info).toHaveBeenCalledWith({ lostSpans: 6 }, expect.stringContaining('again'))
  })

  it('does not hold up the end of the process, whether it refuses or is silent', async () => {
    collector.answers = false
    for (const url of [collector.url, 'http://127.0.0.1:9']) {
      const tracing = await open({ OTEL_EXPORTER_OTLP_ENDPOINT: url }, impatient)
      await tracing.request(get, async () => {})
      await tracing.close()
    }
  })

  it('makes no more spans wait than the queue holds', async () => {
    const tracing = await open({}, { ...quick, traceQueueSpans: 10, traceBatchSpans: 5, traceBatchDelayMs: 60_000 })
    await Promise.all(Array.from({ length: 100 }, () => tracing.request(get, async () => {})))
    await tracing.close()
    expect(collector.spans().length).toBeLessThanOrEqual(15)
    expect(collector.spans().length).toBeGreaterThanOrEqual(10)
  })
})

it('does nothing where no collector is named', async () => {
  expect(await openTracing({}, log, limits)).toBe(noTracing)
  const result = await noTracing.request(get, async ({ traceId, answered }) => {
    answered({ status: 200 })
    return [traceId, await noTracing.upstream(post, async ({ headers }) => headers)]
  })
  expect(result).toEqual([undefined, {}])
  await noTracing.close()
})
