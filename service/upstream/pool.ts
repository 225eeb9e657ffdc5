/** Pooled connections to one server by Node's own client, with every wait bounded. */
import http, { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
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
  /** Ends it, wherever it is. */
  signal: AbortSignal
}

export interface ConnectionAnswer {
  statusCode: number
  headers: IncomingHttpHeaders
  /** Whoever stops reading ends the connection. */
  body: AsyncIterable<Buffer>
}

/** What a caller may do with the connections. */
export interface Connections {
  /** @throws Error with a code: Node's own, or one of `timeoutCodes` */
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
} as const

/** Makes the pool; certificates are verified, against NODE_EXTRA_CA_CERTS too. Redirects are not followed. */
export function createConnections(origin: string, limits: ConnectionLimits, proxies?: Proxies): Connections {
  const client = origin.startsWith('https:') ? https : http
  const agent = new client.Agent({
    keepAlive: true,
    // Of an idle connection; what a request may take is bounded below.
    timeout: limits.upstreamKeepAliveMs,
    // One more for a health probe, which makes nothing and must not wait for calls.
    maxSockets: limits.upstreamConnections + 1,
    ...(proxies && { proxyEnv: proxyEnvironment(proxies) }),
  })
  return {
    request: async ({ body, ...options }) => {
      const request = client.request(origin, { ...options, agent })
      const answer = await begun(request, body, limits)
      return {
        statusCode: answer.statusCode ?? 0,
        headers: answer.headers,
        body: pieces(answer, limits.upstreamBodyMs),
      }
    },
    destroy: () => agent.destroy(),
  }
}

/** Sends a request. @returns when its answer begins */
function begun(request: ClientRequest, body: string | undefined, limits: ConnectionLimits): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const endIn = (milliseconds: number, code: string) =>
      setTimeout(() => request.destroy(timedOut(code)), milliseconds)
    let timer = endIn(limits.upstreamConnectMs, timeoutCodes.connect)
    const connected = () => {
      clearTimeout(timer)
      timer = endIn(limits.upstreamHeadersMs, timeoutCodes.headers)
    }
    request.once('socket', (socket) => {
      // One that was used before, or a tunnel through a proxy, in which TLS was set up already.
      if (!socket.connecting) connected()
      else socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', connected)
    })
    request.once('response', (answer) => {
      clearTimeout(timer)
      resolve(answer)
    })
    // Not `once`: a request that is ended while its answer comes has an error of its own.
    request.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    request.end(body)
  })
}

async function* pieces(answer: IncomingMessage, betweenMs: number): AsyncGenerator<Buffer> {
  const timer = setTimeout(() => answer.destroy(timedOut(timeoutCodes.body)), betweenMs)
  try {
    for await (const piece of answer) {
      timer.refresh()
      yield piece as Buffer
    }
  } finally {
    clearTimeout(timer)
  }
}

function timedOut(code: string): Error {
  return Object.assign(new Error('it took too long'), { code })
}
