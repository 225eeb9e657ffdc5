/** Requests and answers over plain node:http, as little as the stand-in needs of it. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isObject } from './fields.ts'
import { type TrustsProxy, withoutForwarded } from './proxies.ts'
import type { Json } from './rows.ts'

/** Larger bodies are refused. Room for a group whose attributes hold ten thousand rules. */
const BODY_LIMIT_BYTES = 16 * 1024 * 1024

/** Only so that a path can be parsed. */
const BASE = 'http://path.invalid'

/** An answer that ends the handling of a request, thrown or returned. */
export class Answer extends Error {
  readonly status: number
  readonly body: string
  readonly headers: Record<string, string>

  constructor(status: number, body = '', headers: Record<string, string> = {}) {
    super(`answer ${status}`)
    this.status = status
    this.body = body
    this.headers = headers
  }
}

/** Thrown where a real authentik would never answer: the connection is given up. */
export class NoAnswer extends Error {}

export const json = (status: number, value: Json | object): Answer =>
  new Answer(status, JSON.stringify(value), { 'content-type': 'application/json' })

export const noContent = () => new Answer(204)

/** Django REST framework's shape of an error that is not about a field. */
export const detail = (status: number, message: string) => json(status, { detail: message })

/** Django's answer to a method that a page does not have: an empty HTML page. */
export const methodNotAllowed = (allowed: string) =>
  new Answer(405, '', { 'content-type': 'text/html; charset=utf-8', allow: allowed })

/** What a handler sees of a request. */
export interface HttpRequest {
  /** authentik's own name for the request, answered as `X-authentik-id`. */
  id: string
  method: string
  path: string
  query: URLSearchParams
  headers: Record<string, string>
  remoteAddress: string
  scheme: 'http' | 'https'
  host: string
  /** Scheme and host by which the client came: authentik builds every URL that it answers from these two. */
  origin: string
  body: Buffer
}

/**
 * Reads a request whole.
 * @param trustsProxy whose `X-Forwarded-*` headers count; those of others are dropped
 * @throws Answer 400 where its path cannot be parsed, 413 where its body is larger than 16 MiB
 */
export async function readRequest(
  incoming: IncomingMessage,
  id: string,
  trustsProxy: TrustsProxy,
): Promise<HttpRequest> {
  const target = incoming.url ?? '/'
  if (!URL.canParse(target, BASE)) throw new Answer(400)
  const url = new URL(target, BASE)
  const remoteAddress = incoming.socket.remoteAddress ?? '127.0.0.1'
  const sent = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
  )
  const headers = trustsProxy(remoteAddress) ? sent : withoutForwarded(sent)
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http'
  const host = headers.host ?? 'localhost'
  return {
    id,
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers,
    remoteAddress,
    scheme,
    host,
    origin: `${scheme}://${host}`,
    body: await readBody(incoming),
  }
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_LIMIT_BYTES) {
      throw new Answer(413, JSON.stringify({ detail: 'Request body too large.' }), {
        'content-type': 'application/json',
        connection: 'close',
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * The JSON object in a request's body; no body is an empty object.
 * @throws Answer 400 or 415, worded by DRF
 */
export function jsonBody(request: HttpRequest): Record<string, unknown> {
  if (request.body.length === 0) return {}
  const type = request.headers['content-type'] ?? ''
  if (!type.startsWith('application/json')) throw detail(415, `Unsupported media type "${type}" in request.`)
  let value: unknown
  try {
    value = JSON.parse(request.body.toString('utf8'))
  } catch (error) {
    throw detail(400, `JSON parse error - ${(error as Error).message}`)
  }
  if (isObject(value)) return value
  throw json(400, { non_field_errors: ['Invalid data. Expected a dictionary.'] })
}

/** The fields of a form, in order, repeated ones included. */
export const formBody = (request: HttpRequest): URLSearchParams =>
  request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')
    ? new URLSearchParams(request.body.toString('utf8'))
    : new URLSearchParams()

/** A new name for a request: 32 hex digits. */
export const newRequestId = (): string => randomUUID().replaceAll('-', '')

export function send(response: ServerResponse, answer: Answer, requestId: string): void {
  response.writeHead(answer.status, {
    ...answer.headers,
    server: 'stand-in-authentik',
    'x-authentik-id': requestId,
    'x-powered-by': 'stand-in authentik, not the real one',
    'content-length': Buffer.byteLength(answer.body),
  })
  response.end(answer.body)
}
