/**
 * By its signature, a token of a pod in the own cluster is valid until it expires, even if its account or its pod was
 * deleted. The API server knows, so the service asks it before authentik, and refuses unless it says yes.
 *
 * It asks only about what the cluster has signed, so strangers cause no questions; and not about its own token, which
 * stands in for clients without login: it was never given to anyone.
 */
import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { createRemembered } from '../remembered.ts'
import type { Exchange } from '../upstream/exchange.ts'
import type { ReviewToken } from '../upstream/token-review.ts'
import type { CheckSignature } from './signature.ts'

export interface DeletedAccountsDependencies {
  /** Slug of the source that the own cluster is. */
  source: string
  /** Signatures of tokens, by issuer. */
  issuers: CheckSignature
  review: ReviewToken
  limits: Pick<Limits, 'tokenReviewCacheMs' | 'tokenReviewEntries'>
  /** Milliseconds since 1970. */
  now: () => number
}

interface Reviewed {
  readonly counts: boolean
  readonly untilMs: number
}

/** @returns an exchange that throws TokenError `kubernetes_refused` or `kubernetes_unavailable` */
export function refuseDeletedAccounts(
  exchange: Exchange,
  { source, issuers, review, limits, now }: DeletedAccountsDependencies,
): Exchange {
  const known = createRemembered<Reviewed>({ entries: limits.tokenReviewEntries }, now)
  const underWay = new Map<string, Promise<Reviewed>>()

  const ask = async (key: string, token: string, audience: string): Promise<Reviewed> => {
    // Counted from before the question, as the answer may be as old.
    const untilMs = now() + limits.tokenReviewCacheMs
    const reviewed = { counts: await review(token, audience), untilMs }
    known.set(key, reviewed, untilMs)
    return reviewed
  }
  const reviewOf = (key: string, token: string, audience: string): Promise<Reviewed> => {
    const begun = underWay.get(key) ?? ask(key, token, audience).finally(() => underWay.delete(key))
    underWay.set(key, begun)
    return begun
  }

  return async (request) => {
    const { credential } = request
    const check = credential.advised?.check
    if (credential.kind !== 'ci_token' || credential.anonymous || !check?.ok || check.kind !== 'ci') {
      return exchange(request)
    }
    if (check.source.slug !== source) return exchange(request)
    const token = credential.jwt.reveal()
    const verdict = await issuers(check.source.issuer, token)
    // The check behind refuses it.
    if (verdict === 'signature_invalid' || verdict === 'key_unknown') return exchange(request)
    const { counts, untilMs } =
      known.get(credential.key) ?? (await reviewOf(credential.key, token, check.source.audience))
    if (!counts) {
      throw new TokenError(
        'kubernetes_refused',
        'The token is refused: the cluster that signed it no longer accepts it, because its service account or its pod ' +
          'was deleted; use the token of a running pod',
      )
    }
    const issued = await exchange(request)
    if (issued.reusableUntilMs === undefined) return issued
    return { ...issued, reusableUntilMs: Math.min(issued.reusableUntilMs, untilMs) }
  }
}
