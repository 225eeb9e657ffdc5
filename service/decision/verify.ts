/**
 * Verifies the signature of a JWT at once: by way of WebCrypto each one goes to another thread and back, which costs more
 * than the verification itself.
 */
import { constants, KeyObject, type VerifyKeyObjectInput, verify, type webcrypto } from 'node:crypto'

type Padding = Omit<VerifyKeyObjectInput, 'key'>

const pkcs1: Padding = { padding: constants.RSA_PKCS1_PADDING }
const pss: Padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
const ecdsa: Padding = { dsaEncoding: 'ieee-p1363' } // RFC 7518 section 3.4

/** RFC 7518 section 3.1, and RFC 8037: digest and form of each algorithm with a public key. */
const algorithms = new Map<string, readonly [digest: string | null, form: Padding]>(
  Object.entries({
    RS256: ['sha256', pkcs1],
    RS384: ['sha384', pkcs1],
    RS512: ['sha512', pkcs1],
    PS256: ['sha256', pss],
    PS384: ['sha384', pss],
    PS512: ['sha512', pss],
    ES256: ['sha256', ecdsa],
    ES384: ['sha384', ecdsa],
    ES512: ['sha512', ecdsa],
    EdDSA: [null, {}],
  }),
)

const keyObjects = new WeakMap<webcrypto.CryptoKey, KeyObject>()

/**
 * Whether the signature of a token is by this key.
 * @param token header, claims and signature, each in base64url, with dots between them
 * @param algorithm of its header
 * @param key one that was chosen for this algorithm
 */
export function isSignedBy(token: string, algorithm: string, key: webcrypto.CryptoKey): boolean {
  const known = algorithms.get(algorithm)
  const end = token.lastIndexOf('.')
  const signature = token.slice(end + 1)
  // Buffer skips what is no base64: the same signature could be written in any number of ways.
  if (known === undefined || !/^[\w-]+$/.test(signature)) return false
  const [digest, form] = known
  const signed = Buffer.from(token.slice(0, end), 'latin1')
  return verify(digest, signed, { key: keyObjectOf(key), ...form }, Buffer.from(signature, 'base64url'))
}

/** Kept with the key: to make one costs as much as a signature. */
function keyObjectOf(key: webcrypto.CryptoKey): KeyObject {
  let made = keyObjects.get(key)
  if (made === undefined) {
    made = KeyObject.from(key)
    keyObjects.set(key, made)
  }
  return made
}
