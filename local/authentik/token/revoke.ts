/** `POST /application/o/revoke/` (RFC 7009): ends an access token or a refresh token. */
import { type Answer, type HttpRequest, json, methodNotAllowed } from '../http.ts'
import { authenticateClient, clientOf, last } from './client.ts'
import type { TokenServices } from './services.ts'

/**
 * A public client needs nothing but the token, whichever provider issued it; a token that is not there is revoked
 * already (RFC 7009 §2.2).
 * @throws Refused
 */
export async function answerRevoke(request: HttpRequest, { store, pending, log }: TokenServices): Promise<Answer> {
  if (request.method !== 'POST') return methodNotAllowed('POST')
  const client = clientOf(request, store)
  authenticateClient(client)
  const { provider, form } = client
  const token = last(form, 'token') ?? ''
  const held = store.find('accessTokens', (row) => row.token === token)
  if (held) store.drop('accessTokens', held.pk)
  pending.refreshTokens.delete(token)
  await store.save()
  log.info({ client: provider.client_id, found: held !== undefined, request: request.id }, 'token revoked')
  return json(200, {})
}
