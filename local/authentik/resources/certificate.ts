import { createPrivateKey, type KeyObject, randomUUID, X509Certificate } from 'node:crypto'
import { resource, ValidationFailed } from '../resource.ts'
import type { CertificatePair } from '../rows.ts'

const API_PATH = '/api/v3/crypto/certificatekeypairs'

/** Node's names of key types to authentik's. */
const KEY_TYPES: Record<string, string> = { ec: 'ec', rsa: 'rsa', dsa: 'dsa', ed25519: 'ed25519', ed448: 'ed448' }

export const certificates = resource<'certificates'>({
  kind: 'certificates',
  path: 'crypto/certificatekeypairs',
  lookup: 'pk',
  model: 'CertificateKeyPair',
  label: 'Certificate-Key Pair',
  validate(values, _context, existing) {
    const { certificate_data, key_data } = { ...existing, ...values } as CertificatePair
    const certificate = attempt(() => new X509Certificate(certificate_data))
    if (!certificate) throw new ValidationFailed({ certificate_data: ['Unable to load certificate.'] })
    if (!key_data) return
    const key = attempt(() => createPrivateKey(key_data))
    if (!key) throw new ValidationFailed({ key_data: ['Unable to load private key.'] })
  },
  create: () => ({ pk: randomUUID(), managed: null }),

  present({ pk, name, certificate_data, key_data, managed }) {
    const certificate = new X509Certificate(certificate_data)
    return {
      pk,
      name,
      fingerprint_sha256: certificate.fingerprint256.toLowerCase(),
      fingerprint_sha1: certificate.fingerprint.toLowerCase(),
      cert_expiry: new Date(certificate.validTo).toISOString().replace('.000Z', 'Z'),
      cert_subject: certificate.subject.split('\n').reverse().join(','),
      private_key_available: key_data !== '',
      key_type: keyType(certificate.publicKey),
      certificate_download_url: `${API_PATH}/${pk}/view_certificate/?download`,
      private_key_download_url: key_data ? `${API_PATH}/${pk}/view_private_key/?download` : null,
      managed,
    }
  },
  actions: {
    view_certificate: { method: 'GET', run: (pair) => ({ data: pair.certificate_data }) },
    view_private_key: { method: 'GET', run: (pair) => ({ data: pair.key_data }) },
  },
})

const keyType = (key: KeyObject): string | null => KEY_TYPES[key.asymmetricKeyType ?? ''] ?? null

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}
