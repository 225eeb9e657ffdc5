/**
 * When the service's own credentials are refused, with which it asks for whoever is not logged in. The client can do
 * nothing about that and learns nothing of those credentials; the operator reads in the log what is wrong, and what
 * helps.
 */
import { type FailureReason, failures, TokenError } from '../errors.ts'
import type { Log } from '../operations/log.ts'
import type { Exchange } from '../upstream/exchange.ts'

/** Whoever is not logged in does not know of any token. */
export const ANONYMOUS_SENTENCE = 'Nothing is granted without login; log in first'

/** Warns the operator that pulls without login get nothing. */
export type WarnOfAnonymous = (reason: FailureReason, why: string, requestId: string) => void

/** Replaces every refusal of a request without login by one sentence. */
export function coverAnonymous(exchange: Exchange, warn: WarnOfAnonymous): Exchange {
  return async (request) => {
    if (!request.credential.anonymous) return exchange(request)
    return exchange(request).catch((error: unknown) => {
      if (!(error instanceof TokenError) || failures[error.reason].status !== 401) throw error
      warn(error.reason, error.message, request.requestId)
      throw new TokenError(error.reason, ANONYMOUS_SENTENCE, error.facts)
    })
  }
}

const keys = "the cluster's keys may have changed; the source for it needs those of: kubectl get --raw /openid/v1/jwks"
const hints: Partial<Record<FailureReason, string>> = {
  issuer_unknown:
    "the source for the cluster needs the issuer that the cluster's tokens name, letter by letter: " +
    'kubectl get --raw /.well-known/openid-configuration',
  audience_wrong: 'the token of the pod is for another audience than its source says; pulumi up fixes that',
  no_rule_matches: "a rule of the source for the cluster has to let the pod's account pull, by its sub",
  signature_invalid: keys,
  key_unknown: keys,
  key_refused: keys,
  authentik_refused: keys,
}

/**
 * @param now milliseconds
 * @param everyMs a reason is logged at most this often; otherwise every pull without login would log it
 */
export function createAnonymousWarning(log: Log, now: () => number, everyMs: number): WarnOfAnonymous {
  const toldMs = new Map<FailureReason, number>()
  return (reason, why, requestId) => {
    if (now() - (toldMs.get(reason) ?? Number.NEGATIVE_INFINITY) < everyMs) return
    toldMs.set(reason, now())
    const hint = hints[reason]
    log.warn({ requestId, reason, why, ...(hint === undefined ? {} : { hint }) }, 'nothing is granted without login')
  }
}
