/** What goes back to the client, as data: tokens, errors in the registry's shape, and how both are written. */
import { type ServerResponse, STATUS_CODES } from 'node:http'
import { scopeText } from '../decision/access.ts'
import { type FailureReason, failures, type TokenError } from '../errors.ts'
import type { ReadyProblem } from '../operations/readiness.ts'
import type { Secret } from '../secret.ts'
import type { IssuedToken } from '../upstream/exchange.ts'

/** An answer before it is written. */
export interface Answer {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

/** What a client that may have a token is given. */
export interface GivenTokens {
  readonly issued: IssuedToken
  /** What the client may keep instead of its password. */
  readonly refreshToken: Secret | undefined
}

/** Distribution's token page: older clients cannot work with a token of a shorter life. */
const SHORTEST_LIFE_SECONDS = 60

/** Seconds after which a client may try again when authentik does not answer. */
export const RETRY_AFTER_SECONDS = 5

const challenge = 'Basic realm="token service", charset="UTF-8"' // RFC 7617 §2
const json = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }

/**
 * The answer with a token, as distribution's token and OAuth2 pages have it; both names of the token, since clients
 * differ in which they read. A token that was in the cache has less of its life left.
 * @param nowMs milliseconds since 1970
 */
export function tokenAnswer({ issued, refreshToken }: GivenTokens, nowMs: number): Answer {
  const token = issued.token.reveal()
  const leftMs = issued.issuedAtMs + issued.expiresInSeconds * 1000 - nowMs
  const body = {
    token,
    access_token: token,
    expires_in: Math.max(Math.floor(leftMs / 1000), SHORTEST_LIFE_SECONDS),
    issued_at: `${new Date(nowMs).toISOString().slice(0, -5)}Z`,
    scope: issued.access && scopeText(issued.access),
    refresh_token: refreshToken?.reveal(),
  }
  return { status: 200, headers: json, body: JSON.stringify(body) }
}

/**
 * The answer for a failure: `{"errors":[{"code","message","detail"}]}`. The request id stands in the message
 * too, because most clients print nothing else, and with it the operator finds the line in the log.
 */
export function errorAnswer(error: TokenError, requestId: string): Answer {
  const { status, code } = failures[error.reason]
  const detail = { reason: error.reason, requestId }
  const headers: Record<string, string> = { ...json }
  if (status === 401) headers['www-authenticate'] = challenge
  if (status === 405) headers.allow = String(error.facts.allow)
  if (status === 503) headers['retry-after'] = String(RETRY_AFTER_SECONDS)
  if (status === 429) headers['retry-after'] = String(error.facts.waitSeconds)
  return {
    status,
    headers,
    body: JSON.stringify({ errors: [{ code, message: `${error.message} (request ${requestId})`, detail }] }),
  }
}

/** The answer of `/revoke` (RFC 7009 §2.2): the session is over, or the token never opened anything. */
export const revokedAnswer: Answer = { status: 200, headers: json, body: '{}' }

/** The answer of `/revoke` for a failure, in the shape of OAuth (RFC 7009 §2.2.1, RFC 6749 §5.2). */
export function revocationErrorAnswer(error: TokenError, requestId: string): Answer {
  const { status, headers } = errorAnswer(error, requestId)
  const body = { error: oauthError(error.reason, status), error_description: `${error.message} (request ${requestId})` }
  return { status, headers, body: JSON.stringify(body) }
}

/** RFC 7009 §2.2.1; what is not in it has the names of RFC 6749 §4.1.2.1. */
function oauthError(reason: FailureReason, status: number): string {
  if (reason === 'revocation_unsupported') return 'unsupported_token_type'
  if (status === 503 || status === 429) return 'temporarily_unavailable'
  return status >= 500 ? 'server_error' : 'invalid_request'
}

/** The answer of `/live`: the process runs and takes requests. */
export const liveAnswer: Answer = { status: 204, headers: { 'cache-control': 'no-store' }, body: '' }

/** The answer of `/ready`, with what is wrong. */
export function readyAnswer(problems: readonly ReadyProblem[]): Answer {
  if (problems.length === 0) return liveAnswer
  return { status: 503, headers: json, body: JSON.stringify({ problems }) }
}

/** The answer to OPTIONS (RFC 9110 section 9.3.7). It names no origins, so it admits no browser. */
export function optionsAnswer(allow: string): Answer {
  return { status: 204, headers: { allow, 'cache-control': 'no-store' }, body: '' }
}

/** Writes an answer. @param last whether the connection ends with it */
export function writeAnswer(response: ServerResponse, answer: Answer, requestId: string, last: boolean): void {
  response.writeHead(answer.status, allHeaders(answer, requestId, last))
  response.end(answer.body)
}

/** An answer as the bytes of HTTP/1.1, for a connection on which no request could be read; it ends the connection. */
export function rawAnswer(answer: Answer, requestId: string): string {
  const headers = Object.entries(allHeaders(answer, requestId, true)).map(([name, value]) => `${name}: ${value}`)
  return [`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}`, ...headers, '', answer.body].join('\r\n')
}

function allHeaders({ status, headers, body }: Answer, requestId: string, last: boolean): Record<string, string> {
  const all: Record<string, string> = { ...headers, 'x-request-id': requestId }
  if (status !== 204) all['content-length'] = String(Buffer.byteLength(body))
  if (last) all.connection = 'close'
  return all
}
