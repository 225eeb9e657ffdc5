/**
 * Sessions: what a client keeps as refresh token after the CI token that it logged in with has expired.
 *
 * A session is a token of authentik's application `ci-session` that carries the verified claims of the CI token. It is
 * made once, at login, and then used like a CI token, as often as the client likes, until it expires or is revoked. It
 * is meant for the registry too, where it opens `/v2/` and nothing else: so it is also the token of a login that asks
 * for nothing, and such a login costs authentik one exchange.
 */
import { TokenError } from '../errors.ts'
import type { Presented } from '../request/presented.ts'
import type { Secret } from '../secret.ts'
import type { Caller } from '../upstream/callers.ts'
import type { Exchange, IssuedToken } from '../upstream/exchange.ts'
import { isSession } from './access.ts'

/** What is asked about a session. */
export interface SessionRequest {
  credential: Presented
  /** Whether the client asked for one: `offline_token=true` or `access_type=offline`. */
  offline: boolean
  requestId: string
  /** As of an exchange. */
  onCall?: () => void
  onAnswer?: (authentikId: string) => void
  caller?: Caller
}

/** What a client may keep instead of its password; `reusableUntilMs` as of an issued token. */
export type RefreshToken = Pick<IssuedToken, 'token' | 'reusableUntilMs'>

/** The client has it already, so it is as good as the answer that it goes into. */
const kept = (token: Secret): RefreshToken => ({ token, reusableUntilMs: Number.POSITIVE_INFINITY })

/**
 * A new session, where one is due.
 * @param open exchanges a CI token for a session; undefined where sessions are off
 * @returns undefined for a client that did not ask for one, has one, or is not a CI job
 * @throws TokenError as the exchange does
 */
export async function openSession(
  { credential, offline, ...rest }: SessionRequest,
  open: Exchange | undefined,
): Promise<IssuedToken | undefined> {
  if (!offline || credential.kind !== 'ci_token' || credential.anonymous || !open) return undefined
  if (isSession(credential.token)) return undefined
  const session = await open({ credential, scopes: [], offline, ...rest })
  if (session.session === undefined) {
    throw new TokenError(
      'credentials_refused',
      'authentik gave a session without claims, which could do nothing: its user was deactivated, or its rules differ ' +
        'from those here; tell the operator',
      { cause: 'session_without_claims' },
    )
  }
  return session
}

/**
 * The refresh token that the client has already. It is sent again with each answer: to clients, an answer without one
 * means that the session has ended.
 */
export function keptSession({ credential, offline }: SessionRequest): RefreshToken | undefined {
  if (credential.kind === 'session') return kept(credential.jwt)
  // A session as the password of a CI login: no session is made from one, and none is needed.
  if (!offline || credential.kind !== 'ci_token' || credential.anonymous || !isSession(credential.token))
    return undefined
  return kept(credential.jwt)
}

/**
 * Whether a session can be the token of a login that asks for nothing: the registry accepts it, and it grants nothing.
 * Not so where authentik's mapping is older than this service, or somebody else's.
 * @param audience of registry tokens
 */
export function isLoginToken({ session, access }: IssuedToken, audience: string): boolean {
  return session?.audience.includes(audience) === true && access?.length === 0
}
