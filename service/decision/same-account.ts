/**
 * Pods of one Kubernetes service account are one identity with many tokens: the kubelet gets a token for each pod, so a
 * hundred pods that start at once would be a hundred exchanges for the same answer. Here a token whose signature was
 * verified is replaced by an earlier one of the same account that was verified too, so that the cache behind shares
 * call and answer.
 *
 * Rules see the same in both: only claims that differ from token to token do not count, and where a rule looks at one
 * of those, nothing is replaced.
 */
import { LRUCache } from 'lru-cache'
import { type Claims, claimTexts } from '../../trust/decision/claim-texts.ts'
import type { PolicySource } from '../../trust/decision/policy.ts'
import { serviceAccountOf } from '../../trust/language/service-accounts.ts'
import type { Limits } from '../limits.ts'
import type { Presented } from '../request/presented.ts'
import type { Exchange } from '../upstream/exchange.ts'
import type { CheckSignature } from './signature.ts'

/** RFC 7519 §4.1: what differs between two tokens of one account. */
const OF_ONE_TOKEN = new Set(['exp', 'iat', 'jti', 'nbf'])

export interface SameAccountDependencies {
  /** Signatures of tokens, by issuer. */
  issuers: CheckSignature
  limits: Pick<Limits, 'requestCacheEntries' | 'credentialMarginMs'>
  /** Milliseconds since 1970. */
  now: () => number
}

interface Verified {
  readonly credential: Presented
  readonly endsMs: number
}

/** @returns an exchange that asks for a verified token of a service account by one token of that account */
export function shareAccounts(exchange: Exchange, { issuers, limits, now }: SameAccountDependencies): Exchange {
  const known = new LRUCache<string, Verified>({ max: limits.requestCacheEntries })
  return async (request) => {
    const { credential } = request
    const check = credential.advised?.check
    if (credential.kind === 'password' || !check?.ok || check.kind !== 'ci') return exchange(request)
    const { sub } = check.claims
    const isAccount = check.source.platform === 'oidc' && typeof sub === 'string' && serviceAccountOf(sub) !== undefined
    if (!isAccount || looksAtOneToken(check.source) || !isLive(check.claims, now())) return exchange(request)
    if ((await issuers(check.source.issuer, credential.jwt.reveal())) !== 'good') return exchange(request)

    const claims = [...claimTexts(check.claims)].filter(([claim]) => !OF_ONE_TOKEN.has(claim))
    // What is open without login has answers of its own.
    const account = JSON.stringify([credential.anonymous === true, ...claims.toSorted(([a], [b]) => (a < b ? -1 : 1))])
    const endsMs = Number(check.claims.exp) * 1000
    const earlier = known.get(account)
    if (earlier !== undefined && now() < earlier.endsMs - limits.credentialMarginMs) {
      return exchange({ ...request, credential: earlier.credential })
    }
    known.set(account, { credential, endsMs })
    return exchange(request)
  }
}

/**
 * By its own times and without leeway: authentik decides about a token on the edge, and not about another in its place.
 */
function isLive({ exp, iat, nbf }: Claims, nowMs: number): boolean {
  const isPast = (time: unknown) => time === undefined || (typeof time === 'number' && time * 1000 <= nowMs)
  return typeof exp === 'number' && nowMs < exp * 1000 && isPast(iat) && isPast(nbf)
}

function looksAtOneToken({ rules }: PolicySource): boolean {
  return rules.some((rule) => rule.claims.some(([claim]) => OF_ONE_TOKEN.has(claim)))
}
