/** Makes the access token and the id token, and keeps the access token so that it can be used and revoked. */
import { durationSeconds } from '../duration.ts'
import { ExpressionFailed, type ExpressionRequest, type TokenToCome } from '../expressions/worker.ts'
import { ACR, issuerOf, mappingsOf } from '../openid.ts'
import { type Application, isoTime, type JsonObject, type OAuth2Provider, type User } from '../rows.ts'
import { randomText } from '../secrets.ts'
import { signClaims, signingKey } from '../signing.ts'
import type { TokenServices } from './services.ts'

/** Length of `jti` and `uid`. */
const ID_CHARACTERS = 40

/**
 * @param asked the scopes granted by name, for this provider and application
 * @returns the body of the answer: both tokens, `token_type`, `scope`, `expires_in` (seconds)
 */
export async function issueTokens(
  asked: { provider: OAuth2Provider; application: Application; scope: string[] },
  user: User,
  from: ExpressionRequest,
  services: TokenServices,
): Promise<JsonObject> {
  const { provider, application, scope } = asked
  const { store, clock } = services
  const lifetime = durationSeconds(provider.access_token_validity) ?? 0
  const now = clock()
  const seconds = Math.floor(now / 1000)
  const expires = now + lifetime * 1000
  const idClaims: JsonObject = {
    iss: issuerOf(provider, application, from.request.origin),
    sub: subjectOf(user, provider),
    aud: provider.client_id,
    exp: Math.floor(seconds + lifetime),
    iat: seconds,
    auth_time: seconds,
    acr: ACR,
    jti: randomText(ID_CHARACTERS),
    ...(provider.include_claims_in_id_token ? await mappedClaims({ provider, scope, expires }, from, services) : {}),
  }
  const accessClaims = {
    ...idClaims,
    azp: provider.client_id,
    uid: randomText(ID_CHARACTERS),
    scope: scope.join(' '),
  }
  const key = signingKey(provider, store)
  const [token, idToken] = await Promise.all([signClaims(accessClaims, key), signClaims(idClaims, key)])
  store.insert('accessTokens', {
    pk: store.nextNumber('accessTokens'),
    provider: provider.pk,
    user: user.pk,
    expires: isoTime(expires),
    scope,
    id_token: JSON.stringify(idClaims, null, 4),
    revoked: false,
    token,
  })
  return {
    access_token: token,
    token_type: 'Bearer',
    scope: scope.join(' '),
    expires_in: Math.floor(lifetime),
    id_token: idToken,
  }
}

/** What the scope mappings write. One that raises or returns no dict leaves its claims out and refuses nothing. */
async function mappedClaims(
  token: TokenToCome,
  from: ExpressionRequest,
  { store, expressions, log }: TokenServices,
): Promise<JsonObject> {
  const claims: JsonObject = {}
  for (const mapping of mappingsOf(token.provider, store).filter(({ scope_name }) =>
    token.scope.includes(scope_name),
  )) {
    try {
      Object.assign(claims, await expressions.claims(mapping, token, from))
    } catch (error) {
      if (!(error instanceof ExpressionFailed)) throw error
      log.warn({ mapping: mapping.name, error: error.message }, 'a scope mapping failed; its claims are left out')
    }
  }
  return claims
}

/** The `sub` of a user, by the provider's `sub_mode`. */
function subjectOf(user: User, provider: OAuth2Provider): string {
  switch (provider.sub_mode) {
    case 'user_id':
      return String(user.pk)
    case 'user_uuid':
      return user.uuid
    case 'user_username':
      return user.username
    case 'user_email':
      return user.email
    case 'user_upn':
      return typeof user.attributes.upn === 'string' ? user.attributes.upn : user.uid
    default:
      return user.uid
  }
}
