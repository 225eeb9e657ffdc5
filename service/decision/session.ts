/**
 * Sessions: what a client keeps as refresh token when the CI token that it logged in with is dead.
 *
 * A session is a token of authentik's application `ci-session` that carries the verified claims of the CI token. It is
 * made once, at login, and then used like a CI token, as often as the client likes, until it ends or is revoked.
 */
import { decodeToken } from '../../trust/token.ts'
import { TokenError } from '../errors.ts'
import type { Credential } from '../request/credentials.ts'
import type { Secret } from '../secret.ts'
import type { Exchange, IssuedToken } from '../upstream/exchange.ts'

/** What is asked about a refresh token. */
export interface RefreshTokenRequest {
  credential: Credential
  /** Whether the client asked for one: `offline_token=true` or `access_type=offline`. */
  offline: boolean
  requestId: string
  /** As of an exchange. */
  onCall?: () => void
}

/** What a client may keep in the place of its password; `reusableUntilMs` as of an issued token. */
export type RefreshToken = Pick<IssuedToken, 'token' | 'reusableUntilMs'>

/** The client has it already, so it is as good as the answer that it goes into. */
const kept = (token: Secret): RefreshToken => ({ token, reusableUntilMs: Number.POSITIVE_INFINITY })

/**
 * The refresh token that goes into the answer.
 * @param openSession exchanges a CI token for a session; undefined where sessions are off
 * @returns undefined where the client has to keep its password: without sessions, and for users with an app password
 * @throws TokenError as the exchange does
 */
export async function refreshTokenFor(
  { credential, offline, ...told }: RefreshTokenRequest,
  openSession: Exchange | undefined,
): Promise<RefreshToken | undefined> {
  // Told again each time: clients take an answer without one for a session that is over.
  if (credential.kind === 'session') return kept(credential.jwt)
  if (!offline || credential.kind !== 'jwt' || credential.anonymous || !openSession) return undefined
  // A session as the password of a CI login: no session is made from one, and none is needed.
  if (isSession(credential.jwt)) return kept(credential.jwt)
  const session = await openSession({ credential, scopes: [], ...told })
  if (!isSession(session.token)) {
    throw new TokenError(
      'credentials_refused',
      'authentik gave a session without claims, which could do nothing: its user was deactivated, or its rules differ ' +
        'from those here; tell the operator',
      { cause: 'session_without_claims' },
    )
  }
  return session
}

function isSession(token: Secret): boolean {
  const ci = decodeToken(token.reveal())?.claims.ci
  return typeof ci === 'object' && ci !== null
}
