/**
 * What the compiled rules say of a credential before authentik is asked. Advice, not authority: no signature is
 * verified here, and a yes means nothing until authentik has said it too.
 */
import { LRUCache } from 'lru-cache'
import { checkToken, type TokenCheck } from '../../trust/decision/check-token.ts'
import type { Policy } from '../../trust/decision/policy.ts'
import { decodeToken } from '../../trust/decision/token.ts'
import type { Limits } from '../limits.ts'
import type { DigestCredential } from '../request/credential-digest.ts'
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

/** What was found out about a token, until it ends or the rules change. */
interface Remembered {
  readonly advised: Advised
  readonly untilSeconds: number
}

/**
 * Makes the adviser. It remembers the tokens that the rules let in: a thousand rules take a while to go through, and a
 * client sends the same token with each of its requests.
 * @param policy the rules as they are now
 * @param now milliseconds since 1970
 * @param sessions whether there are any; what helps after a token has ended then depends on the request
 */
export function createAdvice(
  policy: () => Policy | undefined,
  now: () => number,
  digest: DigestCredential,
  limits: Pick<Limits, 'readingEntries'>,
  sessions = false,
): Advice {
  const known = new LRUCache<string, Remembered>({ max: limits.readingEntries })
  return (credential) => {
    const rules = policy()
    if (!rules || credential.kind === 'password') return undefined
    const seconds = Math.floor(now() / 1000)
    const { key } = digest(credential)
    const remembered = known.get(key)
    if (remembered?.advised.policy === rules && seconds < remembered.untilSeconds) return remembered.advised
    const token = decodeToken(credential.jwt.reveal())
    const expiry = token?.claims.exp
    const endedSeconds = typeof expiry === 'number' ? Math.max(0, seconds - Math.floor(expiry)) : 0
    const advised = { policy: rules, check: checkToken(rules, token, seconds, sessions ? '' : undefined), endedSeconds }
    if (advised.check.ok && typeof expiry === 'number') known.set(key, { advised, untilSeconds: Math.floor(expiry) })
    return advised
  }
}
