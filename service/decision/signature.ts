/**
 * Whether a token was signed by the key that it names, found out before authentik is asked, so that forged tokens cost
 * it nothing. It is advice: a yes means nothing until authentik says yes as well, and if an issuer's keys cannot be
 * fetched, authentik decides alone.
 */
import {
  compactVerify,
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose'
import * as z from 'zod/mini'
import type { Limits } from '../limits.ts'
import { type IssuerKeys, parseKeySet } from './issuer-keys.ts'

export type SignatureVerdict = 'good' | 'signature_invalid' | 'key_unknown' | 'unchecked'

/** @param issuer whose keys count; not the one that the token names, but the one it was found to come from */
export type CheckSignature = (issuer: string, token: string) => Promise<SignatureVerdict>

type KeyLimits = Pick<Limits, 'jwksCooldownMs' | 'jwksMaxAgeMs' | 'jwksTimeoutMs' | 'jwksBytes'>
type FetchLimits = Pick<KeyLimits, 'jwksTimeoutMs' | 'jwksBytes'>
type Keys = JWTVerifyGetKey

/** What a publisher's discovery document says. */
const discovery = z.object({ jwks_uri: z.string().check(z.regex(/^https?:\/\//)) })

/**
 * Makes the check.
 * @param now milliseconds
 * @param fetchKeys fetches key sets and discovery documents, perhaps by way of a proxy
 */
export function createCheckSignature(
  issuers: ReadonlyMap<string, IssuerKeys>,
  limits: KeyLimits,
  now: () => number,
  fetchKeys: typeof fetch = fetch,
): CheckSignature {
  const found = new Map([...issuers].map(([issuer, keys]) => [issuer, lookUp(keys, limits, now, fetchKeys)]))
  return async (issuer, token) => {
    const keys = found.get(issuer)
    if (keys === undefined) return 'unchecked'
    try {
      await compactVerify(token, keys)
      return 'good'
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature_invalid'
      if (error instanceof errors.JWKSNoMatchingKey) return 'key_unknown'
      // Not a signature, or an algorithm or extension that does not exist: no key could verify it.
      if (error instanceof errors.JWSInvalid || error instanceof errors.JOSENotSupported) return 'signature_invalid'
      return 'unchecked'
    }
  }
}

/** Not for want of keys; a pause for these would let a forged token open the way for others. */
const ofTheToken = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported]

/** Keys of one issuer, fetched when they are first needed; after a fetch that failed there is a pause. */
function lookUp(keys: IssuerKeys, limits: KeyLimits, now: () => number, fetchKeys: typeof fetch): Keys {
  if ('jwks' in keys) return createLocalJWKSet(keys.jwks)
  let remote: Promise<Keys> | undefined
  let pausedUntilMs = Number.NEGATIVE_INFINITY
  return async (...of) => {
    if (now() < pausedUntilMs) throw new errors.JWKSTimeout()
    try {
      remote ??= remoteKeys(keys, limits, fetchKeys)
      return await (await remote)(...of)
    } catch (error) {
      if (ofTheToken.some((kind) => error instanceof kind)) throw error
      remote = undefined
      pausedUntilMs = now() + limits.jwksCooldownMs
      throw error
    }
  }
}

/**
 * All keys of one issuer, fetched again.
 * @throws if they cannot be fetched
 */
export async function fetchKeySet(
  keys: IssuerKeys,
  limits: FetchLimits,
  fetchKeys: typeof fetch = fetch,
): Promise<JSONWebKeySet['keys']> {
  if ('jwks' in keys) return keys.jwks.keys
  const address = 'jwksUrl' in keys ? keys.jwksUrl : await discover(keys.wellKnownUrl, limits, fetchKeys)
  const signal = AbortSignal.timeout(limits.jwksTimeoutMs)
  const response = await fetchBounded(limits, fetchKeys, address, { signal })
  const keySet = parseKeySet(await response.text())
  if (!response.ok || keySet === undefined) throw new Error('the answer is not a key set')
  return keySet.keys
}

async function remoteKeys(
  keys: Exclude<IssuerKeys, { jwks: unknown }>,
  limits: KeyLimits,
  fetchKeys: typeof fetch,
): Promise<Keys> {
  const address = 'jwksUrl' in keys ? keys.jwksUrl : await discover(keys.wellKnownUrl, limits, fetchKeys)
  return createRemoteJWKSet(new URL(address), {
    timeoutDuration: limits.jwksTimeoutMs,
    cooldownDuration: limits.jwksCooldownMs,
    cacheMaxAge: limits.jwksMaxAgeMs,
    [customFetch]: (...request) => fetchBounded(limits, fetchKeys, ...request),
  })
}

/** OpenID Connect Discovery section 4. */
async function discover(wellKnownUrl: string, limits: FetchLimits, fetchKeys: typeof fetch): Promise<string> {
  const signal = AbortSignal.timeout(limits.jwksTimeoutMs)
  const response = await fetchBounded(limits, fetchKeys, wellKnownUrl, { signal })
  const document = discovery.parse(await response.json())
  return document.jwks_uri
}

/** `fetch`, with an end to how much is read. */
async function fetchBounded(
  limits: Pick<FetchLimits, 'jwksBytes'>,
  fetchKeys: typeof fetch,
  ...[address, options]: Parameters<typeof fetch>
): Promise<Response> {
  const response = await fetchKeys(address, { ...options, redirect: 'error' })
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.length
    if (bytes > limits.jwksBytes) throw new Error('the key set is too large')
    pieces.push(piece)
  }
  return new Response(Buffer.concat(pieces), { status: response.status, headers: response.headers })
}
