/** `/token`: from a request's header and query, or its form, to an answer. */
import type { Glob } from '../trust/decision/glob.ts'
import type { Config } from './config.ts'
import { anonymousScopes } from './decision/anonymous-pull.ts'
import { refusePush } from './decision/clean-up.ts'
import { jobClaims } from './decision/job-claims.ts'
import { isLoginToken, keptSession, openSession } from './decision/session.ts'
import { type FailureReason, TokenError } from './errors.ts'
import { type Answer, tokenAnswer } from './http/answer.ts'
import type { Limits } from './limits.ts'
import type { Audit, Decision } from './operations/audit.ts'
import { anonymousCredential, type Credential, readCredential } from './request/credentials.ts'
import { readGrant } from './request/form.ts'
import { patienceMs } from './request/patience.ts'
import { type Present, type Presented, tokenSha256 } from './request/presented.ts'
import { mergeScopes } from './request/scope.ts'
import type { RequestCache } from './request-cache.ts'
import type { Caller } from './upstream/callers.ts'
import type { Exchange } from './upstream/exchange.ts'
import type { LookupResult } from './upstream/token-cache.ts'

/** What the endpoint needs of a request: of a GET header and query, of a POST its form, both as they came. */
export type TokenRequest = (
  | { authorization: string | undefined; query: string; form?: undefined }
  | { form: string }
) & {
  /** Filled in as things become known, so that the log of a refusal has them too. */
  decision: Decision
  client: Client
}

/** The client's end of the connection. */
export interface Client extends Pick<Caller, 'address' | 'whenGone'> {
  /** When it asked, in milliseconds of the clock for durations. */
  askedMs: number
}

/** What the endpoint works with. */
export interface TokenDependencies {
  requestCache: RequestCache
  config: Pick<Config, 'jwtUsername' | 'anonymous' | 'clientId'> & { anonymousRepositories: readonly Glob[] }
  limits: Limits
  exchange: Exchange
  /** Exchanges a CI token for a session; undefined where sessions are off. */
  sessionExchange: Exchange | undefined
  present: Present
  readFile: (path: string) => Promise<string>
  prepareAudit: Audit['prepare']
  /** Until when pushes are refused, in milliseconds since 1970; undefined while they are not. */
  cleanUpUntilMs: () => number | undefined
  /** Called when an answer comes from what is remembered here. */
  count: (result: LookupResult) => void
  /** Milliseconds since 1970. */
  now: () => number
}

/** @throws TokenError with any reason of a bad request, a refusal or an upstream failure */
export type TokenEndpoint = (request: TokenRequest) => Promise<Answer>

/** Makes the endpoint. */
export function createTokenEndpoint(dependencies: TokenDependencies): TokenEndpoint {
  const { requestCache, count, prepareAudit, cleanUpUntilMs, now } = dependencies
  const understand = createUnderstanding(dependencies)
  return async (request) => {
    const text = wholeOf(request)
    // What is remembered may be a token to push with.
    const cached = text === undefined || cleanUpUntilMs() !== undefined ? undefined : requestCache.find(text)
    if (cached !== undefined) {
      count('hit')
      request.decision.prepared = cached.audit
      return tokenAnswer(cached.given, now())
    }
    const { given, reusableUntilMs } = await understand(request)
    // From the second time on: most requests of a push are never seen again.
    if (text !== undefined && reusableUntilMs !== undefined && request.decision.exchanges === undefined) {
      const { tokenSha256, sessionSha256 } = request.decision
      const audit = prepareAudit(request.decision)
      requestCache.keep(text, { given, audit, tokens: [tokenSha256, sessionSha256] }, reusableUntilMs)
    }
    return tokenAnswer(given, now())
  }
}

/** All that an answer depends on; undefined where it also depends on a file that may change. */
function wholeOf(request: TokenRequest): string | undefined {
  if (request.form !== undefined) return `POST ${request.form}`
  return request.authorization === undefined ? undefined : `GET ${request.authorization} ${request.query}`
}

/** @returns what reads a request, and has it decided */
function createUnderstanding(dependencies: TokenDependencies) {
  const { config, limits, exchange, sessionExchange, present, readFile, cleanUpUntilMs } = dependencies
  return async (request: TokenRequest) => {
    const { decision } = request
    const { requestId } = decision
    const parameters = new URLSearchParams(request.form ?? request.query)
    checkService(parameters.getAll('service'), config.clientId)
    const asked = mergeScopes(parameters.getAll('scope'), limits)
    decision.asked = asked
    const credential = present(
      credentialOf(request, parameters, config.jwtUsername, limits) ??
        (await anonymousCredential(config.anonymous, config.jwtUsername, readFile)),
    )
    describeCredential(decision, credential)
    refusePush(asked, cleanUpUntilMs())
    const scopes = credential.anonymous ? openScopes(asked, config.anonymousRepositories) : asked

    const onCall = () => {
      decision.exchanges = (decision.exchanges ?? 0) + 1
    }
    const onAnswer = (authentikId: string) => {
      decision.authentikId = authentikId
    }
    const caller = callerOf(request, parameters.get('client_id'), limits)
    const accepted = () => {
      decision.verified = true
      if (credential.kind === 'password') decision.subject = credential.username
    }
    const ask = { credential, offline: isOffline(request, parameters), requestId, onCall, onAnswer, caller }
    // Of a login that asks for nothing the session is the token too.
    const login = scopes.length === 0 ? await openSession(ask, sessionExchange) : undefined
    const issued =
      login && isLoginToken(login, config.clientId)
        ? login
        : await exchange({ ...ask, scopes, asked }).catch((error: unknown) => {
            // Of these authentik has given a token, though not one for what was asked.
            if (error instanceof TokenError && ofGoodCredentials.has(error.reason)) accepted()
            throw error
          })
    accepted()
    decision.granted = issued.access ?? []
    // Otherwise second, so that a login that is refused costs authentik one exchange and not two.
    const session = login ?? keptSession(ask) ?? (await openSession(ask, sessionExchange))
    if (session !== undefined) decision.sessionSha256 = tokenSha256(session.token.reveal())
    return {
      given: { issued, refreshToken: session?.token },
      reusableUntilMs: earlier(issued.reusableUntilMs, session ? session.reusableUntilMs : Number.POSITIVE_INFINITY),
    }
  }
}

/** Refusals although authentik gave a token. */
const ofGoodCredentials: ReadonlySet<FailureReason> = new Set(['push_refused', 'access_refused'])

/** Whoever waits for the answer, and for how long. */
function callerOf({ client, decision }: TokenRequest, clientId: string | null, limits: Limits): Caller {
  const { address, askedMs, whenGone } = client
  return { address, untilMs: askedMs + patienceMs(clientId, decision.userAgent, limits), begun: false, whenGone }
}

/** Whichever ends first; undefined if one may not be used again at all. */
function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.min(one, other)
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

/** Nothing needs to be asked about what is closed to everyone without login. */
function openScopes(asked: readonly string[], repositories: readonly Glob[]): string[] {
  const open = anonymousScopes(asked, repositories)
  if (asked.length > 0 && open.length === 0) {
    throw new TokenError('credentials_missing', 'None of this is open without login; log in first')
  }
  return open
}

function credentialOf(
  request: TokenRequest,
  parameters: URLSearchParams,
  jwtUsername: string,
  limits: Limits,
): Credential | undefined {
  if (request.form !== undefined) return readGrant(parameters, jwtUsername, limits)
  return readCredential(request.authorization, jwtUsername, limits)
}

/**
 * Whether the client asks for a refresh token: distribution's token page has one name for it, its OAuth2 page another.
 */
function isOffline(request: TokenRequest, parameters: URLSearchParams): boolean {
  if (request.form !== undefined) return parameters.get('access_type') === 'offline'
  return parameters.get('offline_token') === 'true'
}

/** The name of a user with a password is not logged before authentik has accepted it: people mix the two up. */
export function describeCredential(decision: Decision, credential: Presented): void {
  decision.credential = credential.anonymous ? 'anonymous' : credential.kind
  decision.verified = false
  const { token, sha256, advised } = credential
  // The hash of what is not a token may be that of a password, which can be guessed by it.
  if (token !== undefined) Object.assign(decision, { tokenSha256: sha256, ...jobClaims(token) })
  if (!advised?.check.ok) return
  decision.source = advised.check.source.slug
  decision.rules = advised.check.rules.map(({ number }) => number)
}
