/**
 * What the compiled rules say of a token before authentik is asked. Advice, not authority: no signature is verified
 * here, and a yes means nothing until authentik says yes as well.
 */
import { checkToken, type TokenCheck } from '../../trust/decision/check-token.ts'
import type { DecodedToken } from '../../trust/decision/decode-token.ts'
import type { Policy } from '../../trust/decision/policy.ts'

/** The verdict on one JWT, with the rules that it was compared with. */
export interface Advised {
  policy: Policy
  check: TokenCheck
  /**
   * Seconds since the token expired; the check allows for clocks that differ, authentik does not. 0 while it is valid.
   */
  endedSeconds: number
}

/**
 * @param token undefined for what is not a JWT
 * @param nowMs milliseconds since 1970
 * @param sessions whether there are any; what helps after a token has ended then depends on the request
 */
export function advise(policy: Policy, token: DecodedToken | undefined, nowMs: number, sessions: boolean): Advised {
  const seconds = Math.floor(nowMs / 1000)
  const expiry = token?.claims.exp
  const endedSeconds = typeof expiry === 'number' ? Math.max(0, seconds - Math.floor(expiry)) : 0
  return { policy, check: checkToken(policy, token, seconds, sessions ? '' : undefined), endedSeconds }
}
