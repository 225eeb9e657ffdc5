/** The registry's copy of authentik's public key. The stack makes the key, so neither of them has to ask the other. */
import { createHash, X509Certificate } from 'node:crypto'

/**
 * The `kid` that authentik gives to a key: SHA-512 over the private key's PEM without surrounding white space,
 * base64url (see docs/observed-behaviour.md). The digest of a key of 256 random bits reveals nothing about it.
 */
export const keyId = (privateKeyPem: string): string =>
  createHash('sha512').update(privateKeyPem.trim()).digest('base64url')

/** The JWKS document (RFC 7517) with the ECDSA P-256 key of this certificate (PEM), as authentik publishes it. */
export function jwks(certificatePem: string, kid: string): string {
  const { kty, crv, x, y } = new X509Certificate(certificatePem).publicKey.export({ format: 'jwk' })
  return JSON.stringify({ keys: [{ alg: 'ES256', kid, kty, use: 'sig', crv, x, y }] })
}
