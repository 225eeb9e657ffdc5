/**
 * The closed list of what can go wrong, and the one place where each becomes a status and a code of the registry.
 *
 * Who prints what decided the statuses: docker and skopeo print the sentence of a 401 in the registry's `errors`
 * shape, a 403 breaks containerd, and containerd and BuildKit fall back from POST to GET on 401, 404 and 405.
 */

/** Error codes are those of the distribution specification (its "Error Codes" table); clients know no others. */
export const failures = {
  credentials_missing: { status: 401, code: 'UNAUTHORIZED' },
  credentials_refused: { status: 401, code: 'UNAUTHORIZED' },
  /** The early check of a JWT (`early-refusal.ts`), one for each thing that it checks. */
  token_malformed: { status: 401, code: 'UNAUTHORIZED' },
  token_unsigned: { status: 401, code: 'UNAUTHORIZED' },
  token_expired: { status: 401, code: 'UNAUTHORIZED' },
  expiry_missing: { status: 401, code: 'UNAUTHORIZED' },
  token_not_yet_valid: { status: 401, code: 'UNAUTHORIZED' },
  issuer_unknown: { status: 401, code: 'UNAUTHORIZED' },
  audience_wrong: { status: 401, code: 'UNAUTHORIZED' },
  signature_invalid: { status: 401, code: 'UNAUTHORIZED' },
  key_unknown: { status: 401, code: 'UNAUTHORIZED' },
  /** authentik has not yet accepted a token of the key that the issuer signs with. */
  key_ambiguous: { status: 401, code: 'UNAUTHORIZED' },
  key_refused: { status: 401, code: 'UNAUTHORIZED' },
  /** Of this very process; what another one revoked, authentik refuses. */
  session_revoked: { status: 401, code: 'UNAUTHORIZED' },
  session_source_unknown: { status: 401, code: 'UNAUTHORIZED' },
  no_rule_matches: { status: 401, code: 'UNAUTHORIZED' },
  no_image_name: { status: 401, code: 'UNAUTHORIZED' },
  /** authentik refuses what the rules here allow. */
  authentik_refused: { status: 401, code: 'UNAUTHORIZED' },
  /** The API server of the own cluster no longer accepts a token that it has signed. */
  kubernetes_refused: { status: 401, code: 'UNAUTHORIZED' },
  /** Push or delete was asked, and none of it is granted. */
  push_refused: { status: 401, code: 'DENIED' },
  /** Only pulls or the catalog were asked, and none of it is granted. */
  access_refused: { status: 401, code: 'DENIED' },
  /** authentik makes a user name of the token's `sub` and cannot store a long one. */
  subject_too_long: { status: 401, code: 'UNAUTHORIZED' },
  /** A push while garbage is collected. Not 503: clients print the sentence of a 401 only. */
  cleaning_up: { status: 401, code: 'DENIED' },
  credentials_malformed: { status: 400, code: 'UNAUTHORIZED' },
  credentials_too_large: { status: 431, code: 'UNAUTHORIZED' },
  /** Not 400, as RFC 6749 §5.2 has it: BuildKit comes back with GET after a 401, and docker prints the sentence. */
  grant_unsupported: { status: 401, code: 'UNSUPPORTED' },
  form_malformed: { status: 400, code: 'UNSUPPORTED' },
  form_expected: { status: 415, code: 'UNSUPPORTED' },
  /** RFC 7009 §2.2.1 `unsupported_token_type`. */
  revocation_unsupported: { status: 400, code: 'UNSUPPORTED' },
  service_unknown: { status: 400, code: 'UNSUPPORTED' },
  scope_malformed: { status: 400, code: 'UNSUPPORTED' },
  request_malformed: { status: 400, code: 'UNSUPPORTED' },
  request_too_slow: { status: 408, code: 'UNSUPPORTED' },
  headers_too_large: { status: 431, code: 'UNSUPPORTED' },
  body_too_large: { status: 413, code: 'UNSUPPORTED' },
  /** distribution's "Error Codes" table; docker and containerd wait and try again. */
  rate_limited: { status: 429, code: 'TOOMANYREQUESTS' },
  path_unknown: { status: 404, code: 'UNSUPPORTED' },
  method_not_allowed: { status: 405, code: 'UNSUPPORTED' },
  /** No connection: refused, no such name, a certificate that no known authority signed. */
  upstream_unreachable: { status: 503, code: 'UNAVAILABLE' },
  upstream_timeout: { status: 503, code: 'UNAVAILABLE' },
  /** The connection broke before the answer was complete. */
  upstream_broken: { status: 503, code: 'UNAVAILABLE' },
  /** An answer that is not the one of a token endpoint: HTML, a 500, half a JSON, too long. */
  upstream_unusable: { status: 503, code: 'UNAVAILABLE' },
  /** authentik does not know CLIENT_ID, or wants a secret of it: the operator has to correct that. */
  client_id_unknown: { status: 503, code: 'UNAVAILABLE' },
  /** More calls wait for authentik than it can answer while this client waits. */
  upstream_busy: { status: 503, code: 'UNAVAILABLE' },
  /** The circuit breaker is open. */
  upstream_circuit_open: { status: 503, code: 'UNAVAILABLE' },
  /** Nobody reads it; nginx logs this number for it. */
  client_gone: { status: 499, code: 'UNAVAILABLE' },
  /** It does not say whether it takes one. */
  kubernetes_unavailable: { status: 503, code: 'UNAVAILABLE' },
  anonymous_unavailable: { status: 503, code: 'UNAVAILABLE' },
  internal: { status: 500, code: 'UNKNOWN' },
} as const

export type FailureReason = keyof typeof failures

/** What the log may hold beside the reason: short codes and numbers, never text that came from outside. */
export type FailureFacts = Readonly<Record<string, string | number>>

/** A failure whose message is meant for the person at the client: what came, what was expected, what to do. */
export class TokenError extends Error {
  readonly reason: FailureReason
  readonly facts: FailureFacts

  constructor(reason: FailureReason, message: string, facts: FailureFacts = {}) {
    super(message)
    this.name = 'TokenError'
    this.reason = reason
    this.facts = facts
  }
}
