/** `tls:index/privateKey:PrivateKey`: a key pair in every form that the Terraform provider `tls` writes it. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { Properties } from '../engine/values.ts'
import { opensshPrivateKey, opensshPublicKey } from './openssh.ts'

/** The curves by the names of the Terraform provider; node:crypto knows them by OpenSSL's. */
const CURVES: Record<string, string> = { P224: 'secp224r1', P256: 'prime256v1', P384: 'secp384r1', P521: 'secp521r1' }

const DEFAULT_CURVE = 'P224'
const DEFAULT_RSA_BITS = 2048

export const ALGORITHMS = ['ECDSA', 'ED25519', 'RSA']

/** Why these inputs cannot make a key, or nothing. */
export function privateKeyFailures(inputs: Properties): { property: string; reason: string }[] {
  const { algorithm, ecdsaCurve } = inputs
  if (typeof algorithm === 'string' && !ALGORITHMS.includes(algorithm)) {
    return [{ property: 'algorithm', reason: `expected one of ${ALGORITHMS.join(', ')}, got "${algorithm}"` }]
  }
  if (typeof ecdsaCurve === 'string' && !(ecdsaCurve in CURVES)) {
    const expected = Object.keys(CURVES).join(', ')
    return [{ property: 'ecdsaCurve', reason: `expected one of ${expected}, got "${ecdsaCurve}"` }]
  }
  return []
}

function generate(algorithm: unknown, curve: string, modulusLength: number): KeyObject {
  if (algorithm === 'RSA') return generateKeyPairSync('rsa', { modulusLength }).privateKey
  if (algorithm === 'ED25519') return generateKeyPairSync('ed25519').privateKey
  return generateKeyPairSync('ec', { namedCurve: CURVES[curve] ?? curve }).privateKey
}

/** RSA in PKCS #1 and ECDSA in SEC 1, as Go's encoding/pem users write them; Ed25519 has only PKCS #8. */
function traditionalPem(key: KeyObject): string {
  const types = { rsa: 'pkcs1', ec: 'sec1' } as const
  const type = types[key.asymmetricKeyType as keyof typeof types] ?? 'pkcs8'
  return key.export({ type, format: 'pem' }).toString()
}

/** Makes a key pair. */
export function makePrivateKey(inputs: Properties): { id: string; state: Properties } {
  const ecdsaCurve = String(inputs.ecdsaCurve ?? DEFAULT_CURVE)
  const rsaBits = Number(inputs.rsaBits ?? DEFAULT_RSA_BITS)
  const key = generate(inputs.algorithm, ecdsaCurve, rsaBits)
  const publicKey = createPublicKey(key)
  const ssh = opensshPublicKey(publicKey)
  const md5 = ssh && createHash('md5').update(ssh.blob).digest('hex').match(/../g)?.join(':')
  const sha256 = ssh && createHash('sha256').update(ssh.blob).digest('base64').replace(/=+$/, '')
  return {
    id: createHash('sha1')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex'),
    state: {
      algorithm: inputs.algorithm,
      ecdsaCurve,
      rsaBits,
      privateKeyPem: traditionalPem(key),
      privateKeyPemPkcs8: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
      privateKeyOpenssh: ssh ? opensshPrivateKey(key) : '',
      publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      publicKeyOpenssh: ssh ? `${ssh.type} ${ssh.blob.toString('base64')}\n` : '',
      publicKeyFingerprintMd5: md5 ?? '',
      publicKeyFingerprintSha256: sha256 ? `SHA256:${sha256}` : '',
    },
  }
}

/** `RSA`, `ECDSA` or `ED25519` of a key in PEM. Throws a sentence when the text is no private key. */
export function keyAlgorithm(pem: string): string {
  const names: Record<string, string> = { rsa: 'RSA', ec: 'ECDSA', ed25519: 'ED25519' }
  const name = names[parsePrivateKey(pem).asymmetricKeyType ?? '']
  if (!name) throw new Error(`expected a private key of ${ALGORITHMS.join(', ')}`)
  return name
}

export function parsePrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    // The parser's own message is left out: it says nothing that helps, and it is about a secret.
    throw new Error('expected a private key in PEM (as privateKeyPem of tls.PrivateKey), got something else')
  }
}
