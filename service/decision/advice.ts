/**
 * What the compiled rules say of a credential before authentik is asked. Advice, not authority: no signature is
 * verified here, and a yes means nothing until authentik has said it too.
 */
import { checkToken, type TokenCheck } from '../../trust/check-token.ts'
import type { Policy } from '../../trust/policy.ts'
import { decodeToken } from '../../trust/token.ts'
import type { Credential } from '../request/credentials.ts'

/** The verdict on one JWT, with the rules that it was held against. */
export interface Advised {
  policy: Policy
  check: TokenCheck
  /** Seconds since the token ended; the check allows for clocks that differ, authentik does not. 0 while it lives. */
  endedSeconds: number
}

/** @returns undefined where nothing can be said: no rules are loaded, or the credential is a password */
export type Advice = (credential: Credential) => Advised | undefined

/**
 * Makes the adviser.
 * @param policy the rules as they are now
 * @param now milliseconds since 1970
 */
export function createAdvice(policy: () => Policy | undefined, now: () => number): Advice {
  return (credential) => {
    const rules = policy()
    if (!rules || credential.kind === 'password') return undefined
    const token = decodeToken(credential.jwt.reveal())
    const seconds = Math.floor(now() / 1000)
    const expiry = token?.claims.exp
    const endedSeconds = typeof expiry === 'number' ? Math.max(0, seconds - Math.floor(expiry)) : 0
    return { policy: rules, check: checkToken(rules, token, seconds), endedSeconds }
  }
}
