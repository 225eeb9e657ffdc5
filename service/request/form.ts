/** The bodies of a POST: forms; that of `/token` names its grant, as distribution's OAuth2 page has it. */

import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { type Credential, passwordCredential, sessionCredential } from './credentials.ts'

const FORM = 'application/x-www-form-urlencoded'

/**
 * The text of a form.
 * @throws TokenError `form_expected`
 */
export function readForm(contentType: string | undefined, body: Buffer): string {
  const mediaType = (contentType ?? '').replace(/;.*/s, '').trim().toLowerCase()
  if (mediaType !== FORM) {
    throw new TokenError('form_expected', `A POST must carry a form with the content type ${FORM}`)
  }
  return body.toString('utf8')
}

/**
 * Who asks, by the grant that the form names.
 * @throws TokenError `grant_unsupported`, `form_malformed` or `credentials_*`
 */
export function readGrant(form: URLSearchParams, jwtUsername: string, limits: Limits): Credential {
  switch (only(form, 'grant_type')) {
    case 'refresh_token':
      return sessionCredential(only(form, 'refresh_token'), limits)
    case 'password':
      return passwordCredential(only(form, 'username'), only(form, 'password'), jwtUsername, limits)
    default:
      throw new TokenError(
        'grant_unsupported',
        'A POST to /token accepts grant_type=refresh_token with refresh_token, or grant_type=password with username and ' +
          'password; for anything else use GET',
      )
  }
}

/**
 * RFC 6749 §3.2: no parameter more than once, and an empty one is as good as none.
 * @throws TokenError `form_malformed`
 */
export function only(form: URLSearchParams, name: string): string {
  const [value = '', ...more] = form.getAll(name)
  if (more.length > 0) {
    throw new TokenError('form_malformed', `The form has ${name} more than once; one is right (RFC 6749 §3.2)`)
  }
  return value
}
