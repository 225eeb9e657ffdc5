/** The form of a POST to `/revoke` (RFC 7009 §2.1). */
import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { only } from './form.ts'

/**
 * The token to revoke. Its hint of a type is not needed: tokens say themselves what they are.
 * @throws TokenError `form_malformed` where there is none, more than one, or one that is too long for any token
 */
export function readRevocation(form: URLSearchParams, limits: Pick<Limits, 'credentialBytes'>): string {
  const token = only(form, 'token')
  if (token === '')
    throw new TokenError('form_malformed', 'The form has no token; put the session into its field token')
  const bytes = Buffer.byteLength(token)
  if (bytes > limits.credentialBytes) {
    throw new TokenError(
      'form_malformed',
      `The token has ${bytes} bytes; at most ${limits.credentialBytes} are accepted, and a session has fewer than 2,400`,
    )
  }
  return token
}
