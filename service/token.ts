/** `/token`: from a request's header and query, or its form, to an answer. */
import type { Glob } from '../trust/glob.ts'
import type { Config } from './config.ts'
import type { Advice } from './decision/advice.ts'
import { anonymousScopes } from './decision/anonymous-pull.ts'
import type { ReadToken } from './decision/reading.ts'
import { refreshTokenFor } from './decision/session.ts'
import { TokenError } from './errors.ts'
import { type Answer, tokenAnswer } from './http/answer.ts'
import type { Limits } from './limits.ts'
import type { Decision } from './operations/audit.ts'
import type { CredentialDigest, DigestCredential } from './request/credential-digest.ts'
import { anonymousCredential, type Credential, readCredential } from './request/credentials.ts'
import { readGrant } from './request/form.ts'
import { mergeScopes } from './request/scope.ts'
import type { Exchange } from './upstream/exchange.ts'

/** What the endpoint needs of a request: of a GET header and query, of a POST its form. */
export type TokenRequest = (
  | { authorization: string | undefined; query: URLSearchParams; form?: undefined }
  | { form: URLSearchParams }
) & {
  /** Filled in as things become known, so that a refusal too is told with all that was. */
  decision: Decision
}

/** What the endpoint works with. */
export interface TokenDependencies {
  config: Pick<Config, 'jwtUsername' | 'anonymous' | 'clientId'> & { anonymousRepositories: readonly Glob[] }
  limits: Limits
  exchange: Exchange
  /** Exchanges a CI token for a session; undefined where sessions are off. */
  openSession: Exchange | undefined
  advice: Advice
  readToken: ReadToken
  digest: DigestCredential
  readFile: (path: string) => Promise<string>
  /** Milliseconds since 1970. */
  now: () => number
}

/** @throws TokenError with any reason of a bad request, a refusal or an upstream failure */
export type TokenEndpoint = (request: TokenRequest) => Promise<Answer>

/** Makes the endpoint. */
export function createTokenEndpoint(dependencies: TokenDependencies): TokenEndpoint {
  const { config, limits, exchange, openSession, digest, readFile, now } = dependencies
  return async (request) => {
    const { decision } = request
    const { requestId } = decision
    const parameters = request.form ?? request.query
    checkService(parameters.getAll('service'), config.clientId)
    const asked = mergeScopes(parameters.getAll('scope'), limits)
    decision.asked = asked
    const credential =
      presentedCredential(request, config.jwtUsername, limits) ??
      (await anonymousCredential(config.anonymous, config.jwtUsername, readFile))
    describeCredential(decision, credential, digest(credential), dependencies)
    const scopes = credential.anonymous ? openScopes(asked, config.anonymousRepositories) : asked

    const onCall = () => {
      decision.calls = (decision.calls ?? 0) + 1
    }
    const issued = await exchange({ credential, scopes, requestId, onCall })
    decision.verified = true
    decision.granted = issued.access ?? []
    if (credential.kind === 'password') decision.subject = credential.username
    // Second, so that a login that is refused costs authentik one exchange and not two.
    const offline = isOffline(request)
    const refreshToken = await refreshTokenFor({ credential, offline, requestId, onCall }, openSession)
    const session = refreshToken && digest({ kind: 'session', jwt: refreshToken }).sha256
    if (session !== undefined) decision.sessionSha256 = session
    return tokenAnswer(issued, refreshToken, now())
  }
}

/** distribution's token page: the service that a token is for; ours is the audience that authentik writes. */
function checkService(services: readonly string[], clientId: string): void {
  if (services.every((service) => service === '' || service === clientId)) return
  throw new TokenError(
    'service_unknown',
    `Tokens are given for the service "${clientId}"; the registry that sent you here names another one: its auth.token.` +
      'service has to be the client id of the token service',
  )
}

/** Nobody is asked about what is closed to all without login. */
function openScopes(asked: readonly string[], repositories: readonly Glob[]): string[] {
  const open = anonymousScopes(asked, repositories)
  if (asked.length > 0 && open.length === 0) {
    throw new TokenError('credentials_missing', 'Nothing of this is open without login; log in first')
  }
  return open
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

/** The name of a user with a password is not told before authentik has accepted it: people mix the two up. */
function describeCredential(
  decision: Decision,
  credential: Credential,
  { sha256 }: CredentialDigest,
  { advice, readToken }: Pick<TokenDependencies, 'advice' | 'readToken'>,
): void {
  decision.credential = credential.anonymous ? 'anonymous' : credential.kind
  decision.verified = false
  if (credential.kind === 'password') return
  const { isJwt, subject, ref, run, job } = readToken(credential)
  // The hash of what is no token may be that of a password, which can be guessed by it.
  if (isJwt && sha256 !== undefined) decision.tokenSha256 = sha256
  Object.assign(decision, { subject, ref, run, job })
  const check = advice(credential)?.check
  if (!check?.ok) return
  decision.source = check.source.slug
  decision.rules = check.rules.map(({ number }) => number)
}
