/** authentik's revocation endpoint (RFC 7009): it deletes a session, and no longer accepts it. */
import * as z from 'zod/mini'
import { TokenError } from '../errors.ts'
import { type Call, parseJson } from './exchange.ts'
import { type PostForm, unusableSentence } from './post-form.ts'

/** RFC 6749 §5.2. */
const wantsSecret = z.object({ error: z.literal('invalid_client') })

/** authentik's endpoints are beside each other. */
export function revocationUrl(tokenUrl: URL): URL {
  return new URL(tokenUrl.pathname.replace(/[^/]*\/?$/, 'revoke/'), tokenUrl)
}

/**
 * Makes the call that ends a session. It also succeeds for a session that has already ended (RFC 7009 §2.2).
 * @param clientId of the application that gave the session; a public client, so it has no secret to show
 */
export function createRevoke(clientId: string, post: PostForm): Call<void> {
  return async ({ credential, requestId, abandoned, onAnswer }) => {
    if (credential.kind === 'password') throw new Error('a password is not a session')
    const { status, mediaType, text, authentikId } = await post(
      new URLSearchParams({ client_id: clientId, token: credential.jwt.reveal() }),
      requestId,
      abandoned,
    )
    if (authentikId !== undefined) onAnswer?.(authentikId)
    const body = mediaType === 'application/json' ? parseJson(text) : undefined
    if (status === 200 && body !== undefined) return
    if (wantsSecret.safeParse(body).success) {
      throw new TokenError(
        'client_id_unknown',
        'The login server (authentik) does not know the application of sessions as a public client, so the session stays ' +
          'valid; the operator must run pulumi up',
        { status, clientId },
      )
    }
    throw new TokenError('upstream_unusable', unusableSentence, { status, bytes: text.length })
  }
}
