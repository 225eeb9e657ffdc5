/**
 * `/revoke` (RFC 7009): whoever holds a session ends it. Nothing else can be ended here, and it needs no secret: the
 * session itself is the proof.
 */
import { decodeToken } from '../trust/decision/decode-token.ts'
import { isSession } from './decision/access.ts'
import type { CheckSignature } from './decision/signature.ts'
import { OWN_KEY } from './decision/signature-check.ts'
import { type FailureReason, TokenError } from './errors.ts'
import { type Answer, revokedAnswer } from './http/answer.ts'
import type { Limits } from './limits.ts'
import type { Decision } from './operations/audit.ts'
import { patienceMs } from './request/patience.ts'
import type { Present, Presented } from './request/presented.ts'
import { readRevocation } from './request/revocation-form.ts'
import type { RevokedSessions } from './revoked-sessions.ts'
import { Secret } from './secret.ts'
import { type Client, describeCredential } from './token.ts'
import { createCallers } from './upstream/callers.ts'
import type { Call } from './upstream/exchange.ts'

/** What the endpoint needs of a request; `decision` is filled in as things become known. */
export interface RevocationRequest {
  form: string
  decision: Decision
  client: Client
}

export interface RevocationDependencies {
  /** Ends a session at authentik; undefined where sessions are off. */
  revoke: Call<void> | undefined
  /** Signatures of sessions. */
  signatures: CheckSignature
  present: Present
  revoked: Pick<RevokedSessions, 'add' | 'has'>
  /** @throws TokenError `rate_limited` if this session is revoked repeatedly in vain */
  admit: (credentialKey: string) => void
  limits: Limits
  /** Milliseconds since 1970. */
  now: () => number
}

/** @throws TokenError `form_malformed`, `revocation_unsupported`, `rate_limited`, or a failure of the call */
export type RevocationEndpoint = (request: RevocationRequest) => Promise<Answer>

/** Makes the endpoint. */
export function createRevocationEndpoint(dependencies: RevocationDependencies): RevocationEndpoint {
  const { revoke, signatures, present, revoked, limits, now } = dependencies
  const end = createEnding(dependencies)
  return async (request) => {
    const { decision } = request
    const text = readRevocation(new URLSearchParams(request.form), limits)
    const token = decodeToken(text)
    const credential = present({ kind: isSession(token) ? 'session' : 'ci_token', jwt: new Secret(text) })
    describeCredential(decision, credential)
    const { sha256 } = credential
    if (token === undefined || sha256 === undefined) return nothingToEnd(decision, 'token_malformed')
    if (!isSession(token) || revoke === undefined) throw unsupported()
    if (endOf(credential) <= now()) return nothingToEnd(decision, 'token_expired')
    // Whatever the rules say of its job by now. What is forged never gets to authentik.
    const verdict = await signatures(OWN_KEY, text)
    if (verdict === 'signature_invalid' || verdict === 'key_unknown') return nothingToEnd(decision, verdict)
    decision.verified = verdict === 'good'
    if (!revoked.has(sha256)) await end(revoke, { ...credential, sha256 }, request)
    return revokedAnswer
  }
}

/** Ends a session once, for all who ask for it at once. */
function createEnding({ admit, revoked, limits }: RevocationDependencies) {
  const underWay = new Map<string, Promise<void>>()
  return (
    revoke: Call<void>,
    credential: Presented & { sha256: string },
    { decision, client }: RevocationRequest,
  ): Promise<void> => {
    const { sha256, key } = credential
    const begun = underWay.get(sha256)
    if (begun !== undefined) return begun
    admit(key)
    const untilMs = client.askedMs + patienceMs(null, decision.userAgent, limits)
    const ending = revoke({
      credential,
      scopes: [],
      requestId: decision.requestId,
      verified: decision.verified === true,
      onAnswer: (authentikId) => {
        decision.authentikId = authentikId
      },
      // It continues when the client hangs up: a killed job has still logged out.
      callers: createCallers({ address: client.address, untilMs, begun: true, whenGone: () => () => {} }),
    })
      .then(() => revoked.add(sha256, endOf(credential)))
      .finally(() => underWay.delete(sha256))
    underWay.set(sha256, ending)
    return ending
  }
}

/** RFC 7009 §2.2: the client has what it wants, since such a token opens nothing. The audit log says which it was. */
function nothingToEnd(decision: Decision, reason: FailureReason): Answer {
  decision.reason = reason
  return revokedAnswer
}

function unsupported(): TokenError {
  return new TokenError(
    'revocation_unsupported',
    'Only a session can be revoked here. A CI token expires by itself, GitHub’s after five minutes, and only its platform ' +
      'can end it sooner; a registry token is verified offline, and expires after minutes',
  )
}

/** Milliseconds since 1970; never for what does not say. */
function endOf({ token }: Presented): number {
  const expiry = token?.claims.exp
  return typeof expiry === 'number' ? expiry * 1000 : Number.POSITIVE_INFINITY
}
