/** The HTTP server: paths, methods, limits of a client's connection, request ids, one log line for each request. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Log } from '../operations/log.ts'
import { readForm } from '../request/form.ts'
import type { TokenEndpoint } from '../token.ts'
import { type Answer, errorAnswer, liveAnswer, rawAnswer, writeAnswer } from './answer.ts'

/** What the server works with. */
export interface ServerDependencies {
  token: TokenEndpoint
  limits: Limits
  log: Log
  /** A new id for each request. One that the client sends is not taken: it would let clients forge log lines. */
  newRequestId: () => string
  /** Milliseconds, for durations. */
  now: () => number
}

/** Makes the server; it does not listen yet. */
export function createTokenServer({ token, limits, log, newRequestId, now }: ServerDependencies): Server {
  const underWay = new Set<IncomingMessage>()

  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.requestHeadersMs,
      requestTimeout: limits.requestTotalMs,
      connectionsCheckingInterval: limits.socketCheckMs,
      keepAliveTimeout: limits.clientKeepAliveMs,
    },
    async (request, response) => {
      const requestId = newRequestId()
      const startedMs = now()
      underWay.add(request)
      const answer = await route(request, requestId)
      underWay.delete(request)
      // Logged first: what a client was told stands in the log, even if the process ends right after.
      logAnswer(request, answer, requestId, now() - startedMs)
      // A server that is draining takes no further request on this connection.
      writeAnswer(response, answer, requestId, !server.listening)
    },
  )

  async function route(request: IncomingMessage, requestId: string): Promise<Answer> {
    try {
      const url = URL.parse(request.url ?? '', 'http://token-service')
      if (!url) throw new TokenError('request_malformed', 'The address of the request cannot be read')
      if (url.pathname !== '/token' && url.pathname !== '/live') {
        throw new TokenError('path_unknown', 'There is nothing here; tokens are at /token')
      }
      const methods = url.pathname === '/live' ? ['GET', 'HEAD'] : ['GET', 'HEAD', 'POST']
      if (!methods.includes(request.method ?? '')) {
        const allow = methods.join(', ')
        throw new TokenError('method_not_allowed', `${url.pathname} takes ${allow}`, { allow })
      }
      const body = await readBody(request, limits.bodyBytes)
      if (url.pathname === '/live') return liveAnswer
      if (request.method === 'POST') {
        return await token({ form: readForm(request.headers['content-type'], body), requestId })
      }
      return await token({ authorization: request.headers.authorization, query: url.searchParams, requestId })
    } catch (error) {
      if (error instanceof TokenError) return errorAnswer(error, requestId, limits)
      const internal = new TokenError('internal', 'The token service failed; tell the operator')
      return errorAnswer(internal, requestId, limits, { err: error })
    }
  }

  function logAnswer(request: IncomingMessage, answer: Answer, requestId: string, durationMs: number): void {
    const level = answer === liveAnswer ? 'trace' : levelOf(answer.status)
    const client = request.socket.remoteAddress
    log[level](
      { requestId, status: answer.status, ...answer.facts, client, durationMs: Math.round(durationMs) },
      'answered',
    )
  }

  // What the parser refuses never becomes a request. The error holds the raw bytes, credentials included.
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const answering = [...underWay].some((request) => request.socket === socket)
    // An answer to this would be read as the answer to the request that is still under way.
    if (answering || error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const requestId = newRequestId()
    const answer = errorAnswer(parserError(error.code, limits), requestId, limits)
    log.info({ requestId, status: answer.status, ...answer.facts, client: socket.remoteAddress }, 'answered')
    socket.end(rawAnswer(answer, requestId), () => socket.destroy())
  })

  return server
}

/** 500 is a mistake in this program, 503 one of authentik's, and the rest is the client's. */
function levelOf(status: number): 'error' | 'warn' | 'info' {
  if (status === 500) return 'error'
  return status > 500 ? 'warn' : 'info'
}

function parserError(code: string | undefined, limits: Limits): TokenError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new TokenError(
      'headers_too_large',
      `Address and headers of the request have more than ${limits.headerBytes} bytes; ask for fewer scopes at once`,
    )
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new TokenError('request_too_slow', 'The request did not arrive in time; send it again')
  }
  return new TokenError('request_malformed', 'What arrived is not HTTP/1.1')
}

/** Reads a body to its end, that of a GET too, so that the connection can be used again. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (length === undefined && encoding === undefined) return Buffer.alloc(0) // RFC 9112 §6.3: no body
  const tooLarge = () =>
    new TokenError('body_too_large', `The request has a body of more than ${maxBytes} bytes; no login needs that much`)
  if (Number(length ?? 0) > maxBytes) throw tooLarge()
  const pieces: Buffer[] = []
  let bytes = 0
  try {
    // Destroying the request would destroy the connection, and the answer with it.
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      bytes += (piece as Buffer).length
      if (bytes > maxBytes) throw tooLarge()
      pieces.push(piece as Buffer)
    }
    return Buffer.concat(pieces)
  } catch (error) {
    if (error instanceof TokenError) throw error
    throw new TokenError('request_malformed', 'The body of the request broke off')
  }
}
