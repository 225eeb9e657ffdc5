/** `/token`: from a request's header and query to an answer. */
import { type Answer, tokenAnswer } from './answer.ts'
import type { Config } from './config.ts'
import { anonymousCredential, type Credential, readCredential } from './credentials.ts'
import type { Exchange } from './exchange.ts'
import type { Limits } from './limits.ts'
import { mergeScopes, parseScope } from './scope.ts'

/** What the endpoint needs of a request. */
export interface TokenRequest {
  authorization: string | undefined
  /** Only `scope` has an effect; `service`, `account`, `client_id` and `offline_token` are accepted. */
  query: URLSearchParams
  requestId: string
}

/** What the endpoint works with. */
export interface TokenDependencies {
  config: Pick<Config, 'jwtUsername' | 'anonymous'>
  limits: Limits
  exchange: Exchange
  readFile: (path: string) => Promise<string>
}

/** @throws TokenError with any reason of a bad request, a refusal or an upstream failure */
export type TokenEndpoint = (request: TokenRequest) => Promise<Answer>

/** Makes the endpoint. */
export function createTokenEndpoint({ config, limits, exchange, readFile }: TokenDependencies): TokenEndpoint {
  return async ({ authorization, query, requestId }) => {
    const scopes = mergeScopes(query.getAll('scope'), limits)
    const credential =
      readCredential(authorization, config.jwtUsername, limits) ??
      (await anonymousCredential(config.anonymous, config.jwtUsername, readFile))
    const issued = await exchange({ credential, scopes, requestId })
    return tokenAnswer(issued, { credential: nameOf(credential), ...describeScopes(scopes) })
  }
}

/** User names stay out of the log: people put the token there by mistake. */
function nameOf(credential: Credential): string {
  return credential.anonymous ? 'anonymous' : credential.kind
}

function describeScopes(scopes: readonly string[]): Record<string, unknown> {
  const resources = scopes.map(parseScope).filter((scope) => scope !== undefined)
  return { asked: resources, otherScopes: scopes.length - resources.length }
}
