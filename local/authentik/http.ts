/** What handlers see of a request, and answers in the forms of Django and its REST framework. */
import type { HttpBindings } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { isObject } from './fields.ts'
import { type TrustsProxy, withoutForwarded } from './proxies.ts'
import type { Json } from './rows.ts'

/** An answer that ends the handling of a request, thrown or returned. */
export class Answer extends HTTPException {
  constructor(status: number, body = '', headers: Record<string, string> = {}) {
    super(status as HTTPException['status'], { res: new Response(body || null, { status, headers }) })
  }
}

/** Thrown where a real authentik would never answer: the connection is given up. */
export class NoAnswer extends Error {}

export const JSON_TYPE = { 'content-type': 'application/json' }

export const json = (status: number, value: Json | object): Answer =>
  new Answer(status, JSON.stringify(value), JSON_TYPE)

export const noContent = () => new Answer(204)

/** Django REST framework's shape of an error that is not about a field. */
export const detail = (status: number, message: string) => json(status, { detail: message })

/** Django's answer to a method that a page does not have: an empty HTML page. */
export const methodNotAllowed = (allowed: string) =>
  new Answer(405, '', { 'content-type': 'text/html; charset=utf-8', allow: allowed })

/** What hono knows of a request. */
export interface StandIn {
  Bindings: HttpBindings
  /** authentik's own name for the request, answered as `X-authentik-id`. */
  Variables: { requestId: string }
}

/** What a handler sees of a request. */
export interface HttpRequest {
  id: string
  method: string
  path: string
  query: URLSearchParams
  headers: Record<string, string>
  remoteAddress: string
  scheme: 'http' | 'https'
  /** Scheme and host by which the client came: authentik builds every URL that it answers from them. */
  origin: string
  body: Buffer
}

/** @param trustsProxy whose `X-Forwarded-*` headers count; those of others are dropped */
export async function requestOf(c: Context<StandIn>, trustsProxy: TrustsProxy): Promise<HttpRequest> {
  const { pathname, searchParams } = new URL(c.req.url)
  const remoteAddress = getConnInfo(c).remote.address ?? '127.0.0.1'
  const headers = trustsProxy(remoteAddress) ? c.req.header() : withoutForwarded(c.req.header())
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http'
  return {
    id: c.get('requestId'),
    method: c.req.method,
    path: pathname,
    query: searchParams,
    headers,
    remoteAddress,
    scheme,
    origin: `${scheme}://${headers.host}`,
    body: Buffer.from(await c.req.arrayBuffer()),
  }
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
