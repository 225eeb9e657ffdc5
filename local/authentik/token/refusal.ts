/** The token endpoint's refusals: a closed set, each with the one text that authentik has for it. */
import { type Answer, json } from '../http.ts'

const DESCRIPTIONS = {
  invalid_client:
    'Client authentication failed (e.g., unknown client, no client authentication included, or unsupported ' +
    'authentication method)',
  invalid_grant:
    'The provided authorization grant or refresh token is invalid, expired, revoked, does not match the redirection ' +
    'URI used in the authorization request, or was issued to another client',
  invalid_scope:
    'The requested scope is invalid, unknown, malformed, or exceeds the scope granted by the resource owner',
  authorization_pending: 'The authorization request is still pending as the end user has not yet completed it',
  unsupported_grant_type: 'The authorization grant type is not supported by the authorization server',
} as const

export type RefusalCode = keyof typeof DESCRIPTIONS

/** A refused token request. The reason is for the log; the client gets the same text whatever it is. */
export class Refused extends Error {
  readonly code: RefusalCode

  constructor(code: RefusalCode, reason: string) {
    super(reason)
    this.code = code
  }

  /** @returns `error`, `error_description` and `request_id` */
  answer(requestId: string, status: number): Answer {
    return json(status, {
      error: this.code,
      error_description: DESCRIPTIONS[this.code],
      request_id: requestId,
    })
  }
}
