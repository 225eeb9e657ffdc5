/** How a provider signs, and the public keys that verify it. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { type JWK, SignJWT } from 'jose'
import type { CertificatePair, JsonObject, OAuth2Provider } from './rows.ts'
import type { Store } from './store.ts'

/** Key type to the algorithm that authentik signs with. */
const ALGORITHMS: Record<string, string> = {
  rsa: 'RS256',
  'ec prime256v1': 'ES256',
  'ec secp384r1': 'ES384',
  'ec secp521r1': 'ES512',
}

export interface SigningKey {
  algorithm: string
  key: KeyObject | Uint8Array
  /** Absent where the provider has no key and signs with its client secret. */
  kid?: string
}

/** The key that a provider signs with: its pair's private key, else its client secret (HS256). */
export function signingKey(provider: OAuth2Provider, store: Store): SigningKey {
  const pair = store.get('certificates', provider.signing_key)
  if (!pair?.key_data) return { algorithm: 'HS256', key: Buffer.from(provider.client_secret) }
  const key = createPrivateKey(pair.key_data)
  return { algorithm: algorithmOf(key), key, kid: keyId(pair) }
}

/** The key that verifies what a provider signed. */
export function verificationKey(provider: OAuth2Provider, store: Store): SigningKey {
  const { key, ...rest } = signingKey(provider, store)
  return { ...rest, key: key instanceof Uint8Array ? key : createPublicKey(key) }
}

/** @returns the claims as a signed JWT */
export async function signClaims(claims: JsonObject, { algorithm, key, kid }: SigningKey): Promise<string> {
  const header = { alg: algorithm, ...(kid ? { kid } : {}), typ: 'JWT' }
  return await new SignJWT(claims).setProtectedHeader(header).sign(key)
}

/** The provider's JWKS document; without a key pair an empty object, as authentik has it. */
export function providerJwks(provider: OAuth2Provider, store: Store): { keys?: JWK[] } {
  const pair = store.get('certificates', provider.signing_key)
  return pair?.key_data ? { keys: [publicJwk(pair)] } : {}
}

function publicJwk(pair: CertificatePair): JWK {
  const key = createPrivateKey(pair.key_data)
  const certificate = new X509Certificate(pair.certificate_data)
  const thumbprint = (hash: string) => createHash(hash).update(certificate.raw).digest('base64url')
  return {
    ...createPublicKey(key).export({ format: 'jwk' }),
    alg: algorithmOf(key),
    kid: keyId(pair),
    use: 'sig',
    x5c: [certificate.raw.toString('base64')],
    x5t: thumbprint('sha1'),
    'x5t#S256': thumbprint('sha256'),
  } as JWK
}

/** authentik's key id: no thumbprint of the key, but a hash of its PEM text as it is stored (stripped). */
const keyId = (pair: CertificatePair): string => createHash('sha512').update(pair.key_data).digest('base64url')

function algorithmOf(key: KeyObject): string {
  const curve = key.asymmetricKeyDetails?.namedCurve
  const type = curve ? `${key.asymmetricKeyType} ${curve}` : (key.asymmetricKeyType ?? '')
  const algorithm = ALGORITHMS[type]
  if (!algorithm) throw new Error(`stand-in authentik cannot sign with a key of type ${type}`)
  return algorithm
}
