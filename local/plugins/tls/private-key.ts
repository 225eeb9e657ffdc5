/**
 * `tls:index/privateKey:PrivateKey` of the kinds that our program makes, and a second curve for tests of a changed one.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { Failure, Made } from '../engine/provider.ts'
import type { Properties } from '../engine/values.ts'

/** The curves by the names of the Terraform provider; node:crypto knows them by OpenSSL's. */
const CURVES: Record<string, string> = { P256: 'prime256v1', P384: 'secp384r1' }

/** Why these inputs cannot make a key, or nothing. */
export function privateKeyFailures({ algorithm, ecdsaCurve }: Properties): Failure[] {
  const oneOf = (property: string, value: unknown, expected: string[]): Failure[] =>
    typeof value !== 'string' || expected.includes(value)
      ? []
      : [{ property, reason: `expected one of ${expected.join(', ')}, got "${value}"; this stand-in makes no other` }]
  const failures = oneOf('algorithm', algorithm, ['ECDSA', 'ED25519'])
  // The real provider makes a P224 key where no curve is named.
  return algorithm === 'ECDSA'
    ? [...failures, ...oneOf('ecdsaCurve', ecdsaCurve ?? 'P224', Object.keys(CURVES))]
    : failures
}

/** Makes a key pair. */
export function makePrivateKey({ algorithm, ecdsaCurve }: Properties): Made {
  const key =
    algorithm === 'ED25519'
      ? generateKeyPairSync('ed25519').privateKey
      : generateKeyPairSync('ec', { namedCurve: CURVES[String(ecdsaCurve)] ?? '' }).privateKey
  const publicKey = createPublicKey(key)
  const pkcs8 = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  return {
    id: createHash('sha1')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex'),
    state: {
      // SEC 1 for ECDSA, as Go writes it; Ed25519 has only PKCS #8.
      privateKeyPem: algorithm === 'ED25519' ? pkcs8 : key.export({ type: 'sec1', format: 'pem' }).toString(),
      privateKeyPemPkcs8: pkcs8,
      publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    },
  }
}

export function parsePrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    // The parser's own message is left out: it says nothing that helps, and it is about a secret.
    throw new Error('expected a private key in PEM (as privateKeyPem of tls.PrivateKey), got something else')
  }
}
