/**
 * The registry's copy of authentik's public keys. The stack makes the keys, so neither of them has to ask the other.
 */
import { createHash, X509Certificate } from 'node:crypto'

/** A public key as authentik publishes it (RFC 7517). */
export type Jwk = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * The `kid` that authentik gives to a key: SHA-512 over the private key's PEM without surrounding white space,
 * base64url (see docs/observed-behaviour.md). The digest of a key of 256 random bits reveals nothing about it.
 */
export const keyId = (privateKeyPem: string): string =>
  createHash('sha512').update(privateKeyPem.trim()).digest('base64url')

/** The ECDSA P-256 key of this certificate (PEM). */
export function jwkOf(certificatePem: string, kid: string): Jwk {
  const { kty, crv, x, y } = new X509Certificate(certificatePem).publicKey.export({ format: 'jwk' })
  return { alg: 'ES256', kid, kty, use: 'sig', crv, x, y }
}

/** The key with its certificate (RFC 7517 section 4.7), which says when it was made. */
export const withCertificate = (jwk: Jwk, certificatePem: string): Jwk => ({
  ...jwk,
  x5c: [new X509Certificate(certificatePem).raw.toString('base64')],
})

/** The JWKS document with these keys. */
export const jwks = (keys: readonly Jwk[]): string => JSON.stringify({ keys })
