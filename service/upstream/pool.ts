/** Pooled connections to one server by Node's own client; every wait and every size has a bound. */
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { TLSSocket } from 'node:tls'
import type { Limits } from '../limits.ts'
import { type Proxies, proxyEnvironment } from './proxies.ts'

export interface ConnectionRequest {
  /** Path and query. */
  path: string
  method: 'GET' | 'POST'
  headers: Readonly<Record<string, string>>
  body?: string
  /** Milliseconds for all of it. */
  totalMs: number
  /** Ends it, wherever it is. */
  abandoned?: AbortSignal | undefined
  /** Bytes of an answer that are read. */
  maxBytes: number
  /** On a connection of its own: where one of the pool was broken, the others may be too. */
  fresh?: boolean
}

export interface ConnectionAnswer {
  statusCode: number
  headers: IncomingHttpHeaders
  /** Undefined for an answer with more bytes than are read. */
  text: string | undefined
}

/** What a caller may do with the connections. */
export interface Connections {
  /** @throws ConnectionError */
  request(request: ConnectionRequest): Promise<ConnectionAnswer>
  /** Closes all, those in use too. */
  destroy(): void
}

export type ConnectionLimits = Pick<
  Limits,
  'upstreamConnections' | 'upstreamConnectMs' | 'upstreamHeadersMs' | 'upstreamBodyMs' | 'upstreamKeepAliveMs'
>

/** A wait that took too long. */
export const timeoutCodes = {
  connect: 'ERR_CONNECT_TIMEOUT',
  headers: 'ERR_HEADERS_TIMEOUT',
  body: 'ERR_BODY_TIMEOUT',
  total: 'ETIMEDOUT',
} as const
const BROKEN = 'ECONNRESET'

/** Why there is no answer, by Node's code or one of ours: messages of errors can quote what came. */
export class ConnectionError extends Error {
  readonly code: string
  /** Whether the answer had begun: the server has then done what it was asked. */
  readonly answered: boolean

  constructor(code: string, answered: boolean) {
    super(`no answer: ${code}`)
    this.name = 'ConnectionError'
    this.code = code
    this.answered = answered
  }
}

/**
 * Makes the pool; certificates are verified, against NODE_EXTRA_CA_CERTS too. Redirects are not followed.
 * @param ca authorities (PEM) to trust in place of those
 */
export function createConnections(
  origin: string,
  limits: ConnectionLimits,
  proxies?: Proxies,
  ca?: string,
): Connections {
  const { protocol, hostname, port } = new URL(origin)
  const client = protocol === 'https:' ? https : http
  const options = {
    // Of an idle connection; what a request may take is bounded below.
    timeout: limits.upstreamKeepAliveMs,
    // One more for a health probe, which makes no token and must not wait for calls.
    maxSockets: limits.upstreamConnections + 1,
    ...(proxies && { proxyEnv: proxyEnvironment(proxies) }),
    ...(ca !== undefined && { ca }),
  }
  const pool = new client.Agent({ ...options, keepAlive: true })
  const unpooled = new client.Agent(options)
  const server = { protocol, host: hostname.replace(/^\[|\]$/g, ''), port }
  return {
    request: ({ path, method, headers, fresh, ...rest }) =>
      answerOf(client.request({ ...server, agent: fresh ? unpooled : pool, path, method, headers }), rest, limits),
    destroy: () => {
      pool.destroy()
      unpooled.destroy()
    },
  }
}

/** Sends a request and reads its answer. */
function answerOf(
  request: http.ClientRequest,
  { body, totalMs, abandoned, maxBytes }: Pick<ConnectionRequest, 'body' | 'totalMs' | 'abandoned' | 'maxBytes'>,
  limits: ConnectionLimits,
): Promise<ConnectionAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ConnectionAnswer>()
  let answered = false
  const end = (code: string) => {
    fail(code)
    request.destroy()
  }
  const fail = (code: string) => {
    release()
    reject(new ConnectionError(code, answered))
  }
  const hangUp = () => end('ABORT_ERR')
  const total = setTimeout(end, totalMs, timeoutCodes.total)
  let waiting = setTimeout(end, limits.upstreamConnectMs, timeoutCodes.connect)
  const waitFor = (code: string, milliseconds: number) => {
    clearTimeout(waiting)
    waiting = setTimeout(end, milliseconds, code)
  }
  const release = () => {
    clearTimeout(total)
    clearTimeout(waiting)
    abandoned?.removeEventListener('abort', hangUp)
  }
  const connected = () => waitFor(timeoutCodes.headers, limits.upstreamHeadersMs)

  request.once('socket', (socket) => {
    // One that was used before, or a tunnel through a proxy, in which TLS was set up already.
    if (!socket.connecting) connected()
    else socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', connected)
  })
  request.once('response', (answer: IncomingMessage) => {
    answered = true
    waitFor(timeoutCodes.body, limits.upstreamBodyMs)
    const { statusCode = 0, headers } = answer
    const pieces: Buffer[] = []
    let bytes = 0
    answer.on('data', (piece: Buffer) => {
      waiting.refresh()
      pieces.push(piece)
      bytes += piece.length
      if (bytes <= maxBytes) return
      release()
      resolve({ statusCode, headers, text: undefined })
      request.destroy()
    })
    answer.once('end', () => {
      release()
      resolve({ statusCode, headers, text: Buffer.concat(pieces).toString('utf8') })
    })
    // After the end these change nothing.
    answer.on('error', (error) => fail(codeOf(error)))
    answer.once('close', () => fail(BROKEN))
  })
  // Not `once`: a request that is ended while its answer comes has an error of its own.
  request.on('error', (error) => fail(codeOf(error)))
  if (abandoned?.aborted) hangUp()
  else abandoned?.addEventListener('abort', hangUp)
  request.end(body)
  return promise
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'
}
