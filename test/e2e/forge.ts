/** Tokens that no CI platform would sign: the claims of a real one under another key, key id or algorithm. */
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { decodeJwt, type JWK } from 'jose'
import { type Platform, signingKey } from '../../local/issuers/keys.ts'
import { mintToken } from '../../local/issuers/mint.ts'
import { issuersDir } from '../../local/paths.ts'

/** The key with which a stand-in platform signs. */
export const keyOf = (platform: Platform): Promise<JWK> => signingKey(issuersDir, platform)

/** A key that is not trusted. */
export function foreignKey(kid: string): JWK {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), kid }
}

/** The claims of a token, signed by another key (RS256); `kid` in its header is that of the key. */
export const resigned = (token: string, key: JWK): string =>
  mintToken({ key, claims: decodeJwt(token), audience: '', ttl: 0, now: Date.now() })

/** The claims of a token, unsigned: `alg` is "none" (RFC 7518 §3.6). */
export const unsigned = (token: string, kid: string | undefined): string => `${signedPart(token, 'none', kid)}.`

/** The claims of a token, signed with HMAC of which the secret is the public key that everybody can fetch. */
export function signedWithPublicKey(token: string, key: JWK): string {
  const secret = createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const signed = signedPart(token, 'HS256', key.kid)
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

function signedPart(token: string, alg: string, kid: string | undefined): string {
  return [{ alg, kid, typ: 'JWT' }, decodeJwt(token)]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
}
