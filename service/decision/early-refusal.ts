/**
 * Refuses what authentik would refuse, before it is asked: authentik answers about four exchanges a second, and all its
 * refusals have the same text. Our sentence says what is wrong.
 *
 * Rules here may be older or newer than authentik's, so about tokens that are refused by rules, issuer or audience
 * authentik is still asked now and then, and a yes is reported. The client's answer stays no: authentik's yes to
 * what the rules refuse would have to come from a mistake, and an asker cannot choose when it is asked.
 */
import type { RefusalCode } from '../../trust/decision/check-token.ts'
import { type FailureReason, TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Credential } from '../request/credentials.ts'
import type { Exchange, ExchangeRequest } from '../upstream/exchange.ts'
import type { Advised } from './advice.ts'
import { coverAnonymous, type WarnOfAnonymous } from './anonymous-refusal.ts'
import type { ReportDisagreement } from './disagreement.ts'

/** What early refusal works with. */
export interface EarlyRefusalDependencies {
  report: ReportDisagreement
  limits: Pick<Limits, 'refusalSampleMs'>
  /** Whether a client can have a session. */
  sessions?: boolean
  /** Milliseconds, for the time between two samples. */
  now: () => number
  /** Called when nothing is granted without login. */
  warnOfAnonymous?: WarnOfAnonymous
}

const reasons: Record<RefusalCode, FailureReason> = {
  'not-a-jwt': 'token_malformed',
  'not-signed-by-a-key': 'token_unsigned',
  'issuer-unknown': 'issuer_unknown',
  'audience-wrong': 'audience_wrong',
  'expiry-missing': 'expiry_missing',
  expired: 'token_expired',
  'not-yet-valid': 'token_not_yet_valid',
  'session-source-unknown': 'session_source_unknown',
  'no-rule-matches': 'no_rule_matches',
  'no-image-name': 'no_image_name',
}

/**
 * About these authentik is never asked: no rules could make them good, or its yes would mean nothing, since a token
 * without any grant is what it gives for a name that is not that of an image.
 */
const certain: ReadonlySet<RefusalCode> = new Set([
  ...(['not-a-jwt', 'not-signed-by-a-key', 'expiry-missing', 'expired', 'no-image-name'] as const),
])

/**
 * Puts the early check in front of an exchange.
 * @returns an exchange that throws TokenError with a reason of its own for what the rules here refuse, and
 *   `authentik_refused` where authentik refuses what they allow
 */
export function refuseEarly(
  exchange: Exchange,
  { report, limits, now, sessions = false, warnOfAnonymous = () => {} }: EarlyRefusalDependencies,
): Exchange {
  let nextSampleMs = Number.NEGATIVE_INFINITY
  function sample(request: ExchangeRequest): void {
    if (now() < nextSampleMs) return
    nextSampleMs = now() + limits.refusalSampleMs
    // Nobody waits for it: the client has its answer already.
    const { caller: _, ...question } = request
    exchange(question).then(
      () => report('authentik_allows', request.requestId),
      () => {}, // a refusal is what was expected, and of an outage other requests tell
    )
  }
  const early: Exchange = async (request) => {
    const { advised } = request.credential
    if (!advised) return exchange(request)
    const { check } = advised
    if (check.ok) {
      return exchange(request).catch((error: unknown) => {
        throw explainRefusal(error, request, advised, { report, sessions })
      })
    }
    if (!certain.has(check.code)) sample(request)
    const more = check.code === 'expired' && sessions ? afterExpiry(request) : ''
    throw new TokenError(reasons[check.code], refusedSentence(request.credential, check.sentence + more))
  }
  return coverAnonymous(early, warnOfAnonymous)
}

/** How authentik's refusal arrives here. */
const ofAuthentik: ReadonlySet<FailureReason> = new Set(['credentials_refused', 'key_ambiguous', 'key_refused'])

/** authentik said no to what the rules here allow; every other failure stays what it is. */
function explainRefusal(
  error: unknown,
  request: ExchangeRequest,
  { check, endedSeconds }: Advised,
  { report, sessions }: { report: ReportDisagreement; sessions: boolean },
): unknown {
  if (!(error instanceof TokenError) || !ofAuthentik.has(error.reason)) return error
  const { credential, requestId } = request
  if (endedSeconds > 0) {
    const sentence = `expired ${endedSeconds} s ago${sessions ? afterExpiry(request) : ''}`
    return new TokenError('token_expired', refusedSentence(credential, sentence), error.facts)
  }
  report('authentik_refuses', requestId)
  if (error.reason !== 'credentials_refused') return error
  const session = check.ok && check.kind === 'session'
  const causes = session
    ? 'the session was revoked or its user deactivated; log in again'
    : 'the signature is not by a key that it holds, the user was deactivated, or it has other rules; tell the operator'
  const sentence = `authentik refused what the rules here allow: ${causes}`
  return new TokenError('authentik_refused', sentence, error.facts)
}

/** What helps a client whose token has expired, where there are sessions: the README says which clients keep one. */
function afterExpiry({ credential, offline }: ExchangeRequest): string {
  if (credential.kind === 'session') return '; log in again'
  if (offline) return '; log in with a new token, before it expires: the session of the login then lasts'
  return (
    '; this client keeps no session. Log in again right before the push, or get a session from ' +
    '/token?offline_token=true (refresh_token) and use it as the password'
  )
}

function refusedSentence(credential: Credential, sentence: string): string {
  return `The ${credential.kind === 'session' ? 'session' : 'CI token'} is refused: ${sentence}`
}
