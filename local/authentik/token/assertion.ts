/**
 * Verifies a client assertion (RFC 7523): a JWT of a federated source, or an access token of a federated provider.
 *
 * As in authentik: the `kid` chooses the source, signature and times are checked; `aud` and `iss` are not. Whoever
 * needs those checked does it in the application's policy.
 */
import { compactVerify, decodeProtectedHeader, importJWK } from 'jose'
import { isObject } from '../fields.ts'
import type { JsonObject, OAuth2Provider, OAuthSource, User } from '../rows.ts'
import { type SigningKey, verificationKey } from '../signing.ts'
import type { Store } from '../store.ts'
import { Refused } from './refusal.ts'

/** The verified claims, and where they come from: a CI platform, or a user that authentik already knows. */
export type Assertion =
  | { claims: JsonObject; source: OAuthSource; user?: undefined }
  | { claims: JsonObject; source?: undefined; user: User }

/**
 * @param now milliseconds since the epoch
 * @throws Refused `invalid_grant` for everything that does not verify
 */
export async function verifyAssertion(
  assertion: string,
  provider: OAuth2Provider,
  store: Store,
  now: number,
): Promise<Assertion> {
  const verified =
    (await verifyWithSources(assertion, provider, store)) ?? (await verifyWithProviders(assertion, provider, store))
  if (!verified) throw new Refused('invalid_grant', 'no federated source or provider verifies the assertion')
  checkTimes(verified.claims, now)
  return verified
}

async function verifyWithSources(
  assertion: string,
  provider: OAuth2Provider,
  store: Store,
): Promise<Assertion | undefined> {
  let header: { kid?: unknown; alg?: unknown }
  try {
    header = decodeProtectedHeader(assertion)
  } catch {
    throw new Refused('invalid_grant', 'the assertion is not a JWT')
  }
  const { kid, alg } = header
  if (typeof kid !== 'string' || typeof alg !== 'string') return undefined
  for (const source of provider.jwt_federation_sources.flatMap((pk) => store.get('sources', pk) ?? [])) {
    for (const jwk of (source.oidc_jwks.keys ?? []).filter((candidate) => candidate.kid === kid)) {
      const algorithm = jwk.alg ?? alg
      const key = await importJWK(jwk, algorithm).catch(() => undefined)
      const claims = key && (await verifiedClaims(assertion, { algorithm, key: key as SigningKey['key'] }))
      if (claims) return { claims, source }
    }
  }
  return undefined
}

async function verifyWithProviders(
  assertion: string,
  provider: OAuth2Provider,
  store: Store,
): Promise<Assertion | undefined> {
  const held = store.find(
    'accessTokens',
    (row) => row.token === assertion && provider.jwt_federation_providers.includes(row.provider),
  )
  const issuedBy = held && store.get('providers', held.provider)
  const user = held && store.get('users', held.user)
  const claims = issuedBy && (await verifiedClaims(assertion, verificationKey(issuedBy, store)))
  return claims && user ? { claims, user } : undefined
}

async function verifiedClaims(assertion: string, { algorithm, key }: SigningKey): Promise<JsonObject | undefined> {
  try {
    const { payload } = await compactVerify(assertion, key, { algorithms: [algorithm] })
    const claims: unknown = JSON.parse(new TextDecoder().decode(payload))
    return isObject(claims) ? (claims as JsonObject) : undefined
  } catch {
    return undefined
  }
}

/** PyJWT's rules without leeway: not after `exp`, not before `nbf` or `iat`; each may be missing. */
function checkTimes({ exp, nbf, iat }: JsonObject, now: number): void {
  const seconds = now / 1000
  for (const time of [exp, nbf, iat]) {
    if (time !== undefined && typeof time !== 'number')
      throw new Refused('invalid_grant', 'exp, nbf or iat is not a number')
  }
  if (typeof exp === 'number' && seconds >= exp) throw new Refused('invalid_grant', 'the assertion has expired')
  if (typeof nbf === 'number' && seconds < Math.floor(nbf)) throw new Refused('invalid_grant', 'not valid yet (nbf)')
  if (typeof iat === 'number' && seconds < Math.floor(iat)) throw new Refused('invalid_grant', 'not valid yet (iat)')
}
