/**
 * The HTTP server: paths, methods, limits of a client's connection, request ids, and what is logged of each request.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { failures, TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { type Audit, type Decision, outcomeOf, revocationOutcomeOf } from '../operations/audit.ts'
import type { Log } from '../operations/log.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { Readiness } from '../operations/readiness.ts'
import type { Tracing } from '../operations/spans.ts'
import { readForm } from '../request/form.ts'
import type { RevocationEndpoint } from '../revocation.ts'
import type { Client, TokenEndpoint } from '../token.ts'
import type { TrustedProxies } from '../trusted-proxies.ts'
import {
  type Answer,
  errorAnswer,
  liveAnswer,
  optionsAnswer,
  rawAnswer,
  readyAnswer,
  revocationErrorAnswer,
  writeAnswer,
} from './answer.ts'
import { readBody } from './body.ts'
import { clientAddress, rateKey } from './client-address.ts'
import { parserError } from './parser-error.ts'
import type { RateLimit } from './rate-limit.ts'
import { type PageFacts, pageAnswer } from './status-page.ts'

/** What the server works with. */
export interface ServerDependencies {
  token: TokenEndpoint
  revocation: RevocationEndpoint
  limits: Limits
  log: Log
  audit: Audit
  metrics: Pick<Metrics, 'request' | 'revocation' | 'rateLimited' | 'connectionDropped'>
  tracing: Pick<Tracing, 'request'>
  readiness: Readiness
  /** What the page at `/` shows. */
  pageFacts: () => Omit<PageFacts, 'host'>
  /** Counts what a client address costs: calls to authentik, and requests that are refused. */
  addressRate: RateLimit
  trustedProxies: TrustedProxies
  /** Whether an address is that of a client: without a trusted proxy it may be one for all. */
  addressesKnown: boolean
  /** A new id for each request. One that the client sends is not taken: it would let clients forge log lines. */
  newRequestId: () => string
  /** Milliseconds, for durations. */
  now: () => number
}

/** The paths, and the methods that each accepts. */
const paths: ReadonlyMap<string, readonly string[]> = new Map([
  ['/token', ['GET', 'HEAD', 'POST', 'OPTIONS']],
  ['/revoke', ['POST', 'OPTIONS']],
  ['/', ['GET', 'HEAD', 'OPTIONS']],
  ['/live', ['GET', 'HEAD', 'OPTIONS']],
  ['/ready', ['GET', 'HEAD', 'OPTIONS']],
])

/** Makes the server; it does not listen yet. */
export function createTokenServer(dependencies: ServerDependencies): Server {
  const { token, revocation, limits, log, audit, metrics, tracing, readiness, addressRate, now } = dependencies
  const { trustedProxies, addressesKnown, newRequestId } = dependencies
  const underWay = new Set<IncomingMessage>()

  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      // Node refuses to give the headers more time than the whole request.
      headersTimeout: Math.min(limits.requestHeadersMs, limits.requestTotalMs),
      requestTimeout: limits.requestTotalMs,
      connectionsCheckingInterval: limits.socketCheckMs,
      keepAliveTimeout: limits.clientKeepAliveMs,
    },
    async (request, response) => {
      const startedMs = now()
      const { headers, socket } = request
      const decision: Decision = {
        requestId: newRequestId(),
        clientAddress: clientAddress(
          socket.remoteAddress ?? '',
          forwardedFor(headers['x-forwarded-for']),
          trustedProxies,
        ),
        userAgent: headers['user-agent'] ?? '',
      }
      const [path = ''] = (request.url ?? '').split('?', 1)
      underWay.add(request)
      const client = {
        address: addressesKnown ? rateKey(decision.clientAddress) : '',
        askedMs: startedMs,
        whenGone: (listener: () => void) => whenGone(response, listener),
      }
      const answer =
        path === '/token' || path === '/revoke'
          ? await traced(request, path, decision, client)
          : await route(request, path, decision, client)
      underWay.delete(request)
      decision.durationMs = Math.round(now() - startedMs)
      // Logged first: so every answer is in the log, even if the process ends right after.
      tell(path, answer, decision)
      // A server that is draining takes no further request on this connection, nor is the rest of a slow one waited
      // for.
      const last = answer.status === 408 || !server.listening || readiness.draining()
      writeAnswer(response, answer, decision.requestId, last)
    },
  )

  function traced(
    request: IncomingMessage,
    path: '/token' | '/revoke',
    decision: Decision,
    client: Client,
  ): Promise<Answer> {
    const { method = '', headers } = request
    return tracing.request(
      { method, path, traceparent: headers.traceparent, requestId: decision.requestId },
      async (span) => {
        if (span.traceId !== undefined) decision.traceId = span.traceId
        const answer = await route(request, path, decision, client)
        decision.status = answer.status
        decision.outcome = path === '/token' ? outcomeOf(answer.status) : revocationOutcomeOf(decision)
        span.answered(decision)
        return answer
      },
    )
  }

  async function route(request: IncomingMessage, path: string, decision: Decision, client: Client): Promise<Answer> {
    try {
      const methods = paths.get(path)
      const method = request.method ?? ''
      if (methods === undefined) throw new TokenError('path_unknown', 'There is nothing here; tokens are at /token')
      if (!methods.includes(method)) {
        const allow = methods.join(', ')
        throw new TokenError('method_not_allowed', `${path} takes ${allow}`, { allow })
      }
      const body = await readBody(request, limits.bodyBytes)
      if (method === 'OPTIONS') return optionsAnswer(methods.join(', '))
      if (path === '/live') return liveAnswer
      if (path === '/') return pageAnswer({ host: request.headers.host, ...dependencies.pageFacts() })
      if (path === '/ready') return readyAnswer(readiness.problems())
      return await (path === '/revoke' ? answerRevocation : answerToken)(request, body, decision, client)
    } catch (error) {
      const known =
        error instanceof TokenError ? error : new TokenError('internal', 'The token service failed; tell the operator')
      decision.reason = known.reason
      const level = levelOf(known)
      const err = known === error ? {} : { err: error }
      const { requestId, clientAddress, authentikId } = decision
      log[level]({ requestId, authentikId, clientAddress, reason: known.reason, ...known.facts, ...err }, 'not granted')
      return (path === '/revoke' ? revocationErrorAnswer : errorAnswer)(known, requestId)
    }
  }

  /** @returns under which name the address is counted. @throws TokenError `rate_limited` */
  function admitAddress(decision: Decision): string {
    const key = rateKey(decision.clientAddress)
    const waitSeconds = addressRate.waitSeconds(key)
    if (waitSeconds === 0) return key
    metrics.rateLimited('address')
    throw new TokenError(
      'rate_limited',
      `Too many requests from this address; try again in ${waitSeconds} s, and look for a job that asks in a loop`,
      { waitSeconds },
    )
  }

  /** Each counts: no revocation is answered from a cache, and a forged session gets a 200 as well. */
  async function answerRevocation(
    request: IncomingMessage,
    body: Buffer,
    decision: Decision,
    client: Client,
  ): Promise<Answer> {
    addressRate.take(admitAddress(decision))
    return await revocation({ form: readForm(request.headers['content-type'], body), decision, client })
  }

  async function answerToken(
    request: IncomingMessage,
    body: Buffer,
    decision: Decision,
    client: Client,
  ): Promise<Answer> {
    const key = admitAddress(decision)
    try {
      if (request.method === 'POST') {
        return await token({ form: readForm(request.headers['content-type'], body), decision, client })
      }
      const { url = '', headers } = request
      const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : ''
      return await token({ authorization: headers.authorization, query, decision, client })
    } catch (error) {
      // What is refused counts, whoever refused it; the cost of what authentik was asked for is counted below.
      if (decision.exchanges === undefined) addressRate.take(key)
      throw error
    } finally {
      if (decision.exchanges !== undefined) addressRate.take(key)
    }
  }

  function tell(path: string, { status }: Answer, decision: Decision): void {
    const { requestId, reason, durationMs = 0 } = decision
    // OPTIONS asks for nothing, so nothing was decided.
    const isDecided = status !== 204
    decision.status = status
    if (path === '/revoke' && isDecided) {
      decision.revocation = true
      decision.outcome = revocationOutcomeOf(decision)
      metrics.revocation(decision.outcome, reason ?? decision.outcome)
      audit.write(decision)
    } else if (path === '/token' || !paths.has(path)) {
      decision.outcome = outcomeOf(status)
      metrics.request(decision.outcome, reason ?? 'granted', durationMs / 1000)
      if (path === '/token' && isDecided) audit.write(decision)
    } else {
      log.trace({ requestId, path, status }, 'answered')
      return
    }
    log.debug({ requestId, status, durationMs }, 'answered')
  }

  // Probes and scrapers come to the second port, so these can have all of them.
  server.maxConnections = limits.clientConnections
  server.on('drop', () => metrics.connectionDropped())

  // What the parser refuses never becomes a request. The error holds the raw bytes, credentials included.
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const requests = [...underWay].filter((request) => request.socket === socket)
    const slow = requests.find((request) => !request.complete)
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && slow !== undefined && slow.listenerCount('error') > 0) {
      // Whoever reads its body gets this error, and answers in turn.
      slow.emit('error', parserError(error.code, limits))
      return
    }
    const answering = requests.length > 0
    // An answer to this would be read as the answer to the request that is still under way.
    if (answering || error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const requestId = newRequestId()
    const refused = parserError(error.code, limits)
    const answer = errorAnswer(refused, requestId)
    metrics.request('refused', refused.reason, 0)
    log.info(
      { requestId, status: answer.status, reason: refused.reason, clientAddress: socket.remoteAddress },
      'not granted',
    )
    socket.end(rawAnswer(answer, requestId), () => socket.destroy())
  })

  return server
}

/** Calls back if the connection ends before the answer is out. @returns ends the listening */
function whenGone(response: ServerResponse, listener: () => void): () => void {
  const closed = () => {
    if (!response.writableFinished) listener()
  }
  response.once('close', closed)
  return () => response.off('close', closed)
}

/** Node joins repeated headers of this name, although its types say that it might not. */
function forwardedFor(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header
}

/** 500 is a mistake in this program, 503 one of authentik's, and the rest is the client's. */
function levelOf({ reason }: TokenError): 'error' | 'warn' | 'info' {
  const { status } = failures[reason]
  if (status === 500) return 'error'
  return status > 500 ? 'warn' : 'info'
}
