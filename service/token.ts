/** `/token`: from a request's header and query, or its form, to an answer. */

import type { Config } from './config.ts'
import { refreshTokenFor } from './decision/session.ts'
import { type Answer, tokenAnswer } from './http/answer.ts'
import type { Limits } from './limits.ts'
import { anonymousCredential, type Credential, readCredential } from './request/credentials.ts'
import { readGrant } from './request/form.ts'
import { mergeScopes, parseScope } from './request/scope.ts'
import type { Exchange } from './upstream/exchange.ts'

/** What the endpoint needs of a request: of a GET header and query, of a POST its form. */
export type TokenRequest =
  | { authorization: string | undefined; query: URLSearchParams; form?: undefined; requestId: string }
  | { form: URLSearchParams; requestId: string }

/** What the endpoint works with. */
export interface TokenDependencies {
  config: Pick<Config, 'jwtUsername' | 'anonymous'>
  limits: Limits
  exchange: Exchange
  /** Exchanges a CI token for a session; undefined where sessions are off. */
  openSession: Exchange | undefined
  readFile: (path: string) => Promise<string>
}

/** @throws TokenError with any reason of a bad request, a refusal or an upstream failure */
export type TokenEndpoint = (request: TokenRequest) => Promise<Answer>

/** Makes the endpoint. */
export function createTokenEndpoint({
  config,
  limits,
  exchange,
  openSession,
  readFile,
}: TokenDependencies): TokenEndpoint {
  return async (request) => {
    const { requestId } = request
    const parameters = request.form ?? request.query
    const scopes = mergeScopes(parameters.getAll('scope'), limits)
    const credential =
      presentedCredential(request, config.jwtUsername, limits) ??
      (await anonymousCredential(config.anonymous, config.jwtUsername, readFile))
    const issued = await exchange({ credential, scopes, requestId })
    // Second, so that a login that is refused costs authentik one exchange and not two.
    const refreshToken = await refreshTokenFor({ credential, offline: isOffline(request), requestId }, openSession)
    const facts = { credential: nameOf(credential), ...describeScopes(scopes), refreshable: refreshToken !== undefined }
    return tokenAnswer(issued, refreshToken, facts)
  }
}

function presentedCredential(request: TokenRequest, jwtUsername: string, limits: Limits): Credential | undefined {
  if (request.form) return readGrant(request.form, jwtUsername, limits)
  return readCredential(request.authorization, jwtUsername, limits)
}

/** Whether the client asks for a refresh token: distribution's token page has one name for it, its OAuth2 page another. */
function isOffline(request: TokenRequest): boolean {
  if (request.form) return request.form.get('access_type') === 'offline'
  return request.query.get('offline_token') === 'true'
}

/** User names stay out of the log: people put the token there by mistake. */
function nameOf(credential: Credential): string {
  return credential.anonymous ? 'anonymous' : credential.kind
}

function describeScopes(scopes: readonly string[]): Record<string, unknown> {
  const resources = scopes.map(parseScope).filter((scope) => scope !== undefined)
  return { asked: resources, otherScopes: scopes.length - resources.length }
}
