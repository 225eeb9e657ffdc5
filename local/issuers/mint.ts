/** Signs a CI platform's token. */
import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import type { JWK } from 'jose'

export interface Minting {
  key: JWK
  claims: Record<string, unknown>
  audience: string
  /** Seconds from now until `exp`; negative for a token that has expired. */
  ttl: number
  /** Milliseconds since the epoch. */
  now: number
}

/** The platforms set `nbf` before `iat`: the clocks of two servers differ. */
const CLOCK_SKEW_SECONDS = 5

/**
 * @returns a JWT (RS256). An expired one was issued as long before as it would have lived.
 *
 * Signed with node:crypto alone: `npm run token` is run by hand, and loading a library takes longer than signing.
 */
export function mintToken({ key, claims, audience, ttl, now }: Minting): string {
  const seconds = Math.floor(now / 1000)
  const issued = ttl < 0 ? seconds + 2 * ttl : seconds
  const times = { jti: randomUUID(), iat: issued, nbf: issued - CLOCK_SKEW_SECONDS, exp: seconds + ttl }
  const header = { alg: 'RS256', kid: key.kid, typ: 'JWT' }
  const signed = [header, { aud: audience, ...times, ...claims }].map(encode).join('.')
  const signature = sign('sha256', Buffer.from(signed), createPrivateKey({ key, format: 'jwk' }))
  return `${signed}.${signature.toString('base64url')}`
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
