/**
 * The sessions that were revoked at this process. What it remembers of them goes at once; other replicas, and an
 * administrator who deletes a session in authentik, are why nothing of a session is reused for longer than
 * `sessionCacheMs`: no state is shared for it.
 */
import { TokenError } from './errors.ts'
import type { Limits } from './limits.ts'
import { createRemembered } from './remembered.ts'
import { tokenSha256 } from './request/presented.ts'
import type { Exchange, IssuedToken } from './upstream/exchange.ts'

export interface RevokedSessions {
  /** @param untilMs milliseconds since 1970 at which the session would have ended by itself */
  add(sha256: string, untilMs: number): void
  has(sha256: string | undefined): boolean
  /** Whether a token that was issued is a session that has been revoked since. */
  includes(issued: IssuedToken): boolean
}

/** @param now milliseconds since 1970 */
export function createRevokedSessions(limits: Pick<Limits, 'revokedSessions'>, now: () => number): RevokedSessions {
  const known = createRemembered<true>({ entries: limits.revokedSessions }, now)
  const has = (sha256: string | undefined) => sha256 !== undefined && known.get(sha256) === true
  return {
    add: (sha256, untilMs) => known.set(sha256, true, untilMs),
    has,
    includes: ({ session, token }) => session !== undefined && has(tokenSha256(token.reveal())),
  }
}

/**
 * @returns an exchange that refuses what was revoked, also where that happened while authentik was asked: an answer
 *   from before is not given after
 */
export function refuseRevoked(exchange: Exchange, revoked: Pick<RevokedSessions, 'has'>): Exchange {
  return async (request) => {
    const check = () => {
      if (!revoked.has(request.credential.sha256)) return
      throw new TokenError('session_revoked', 'The session is refused: it was revoked; log in again')
    }
    check()
    const issued = await exchange(request)
    check()
    return issued
  }
}
