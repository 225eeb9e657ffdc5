/** Certificates and requests as the Terraform provider `tls` makes them (Go's crypto/x509 defaults included). */
import 'reflect-metadata'
import { createHash, createPublicKey, type KeyObject, randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { Properties } from '../engine/values.ts'
import { keyAlgorithm, parsePrivateKey } from './private-key.ts'

x509.cryptoProvider.set(webcrypto)

type Signing =
  | webcrypto.RsaHashedImportParams
  | (webcrypto.EcKeyImportParams & webcrypto.EcdsaParams)
  | webcrypto.Algorithm

interface Signer {
  readonly keys: webcrypto.CryptoKeyPair
  readonly algorithm: Signing
}

const HOUR_MS = 3_600_000
/** RFC 5280 §4.1.2.2 allows 20 bytes; 16 random ones are never negative once the top bit is cleared. */
const SERIAL_BYTES = 16

const KEY_USAGES: Record<string, x509.KeyUsageFlags> = {
  digital_signature: x509.KeyUsageFlags.digitalSignature,
  content_commitment: x509.KeyUsageFlags.nonRepudiation,
  key_encipherment: x509.KeyUsageFlags.keyEncipherment,
  data_encipherment: x509.KeyUsageFlags.dataEncipherment,
  key_agreement: x509.KeyUsageFlags.keyAgreement,
  cert_signing: x509.KeyUsageFlags.keyCertSign,
  crl_signing: x509.KeyUsageFlags.cRLSign,
  encipher_only: x509.KeyUsageFlags.encipherOnly,
  decipher_only: x509.KeyUsageFlags.decipherOnly,
}

/** RFC 5280 §4.2.1.12, and what Microsoft and Netscape added. */
const EXTENDED_KEY_USAGES: Record<string, string> = {
  any_extended: '2.5.29.37.0',
  server_auth: '1.3.6.1.5.5.7.3.1',
  client_auth: '1.3.6.1.5.5.7.3.2',
  code_signing: '1.3.6.1.5.5.7.3.3',
  email_protection: '1.3.6.1.5.5.7.3.4',
  ipsec_end_system: '1.3.6.1.5.5.7.3.5',
  ipsec_tunnel: '1.3.6.1.5.5.7.3.6',
  ipsec_user: '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  ocsp_signing: '1.3.6.1.5.5.7.3.9',
  microsoft_server_gated_crypto: '1.3.6.1.4.1.311.10.3.3',
  netscape_server_gated_crypto: '2.16.840.1.113730.4.1',
  microsoft_commercial_code_signing: '1.3.6.1.4.1.311.2.1.22',
  microsoft_kernel_code_signing: '1.3.6.1.4.1.311.61.1.1',
}

/** RFC 5280 §4.2.1.6 */
const ALTERNATIVE_NAME = '2.5.29.17'

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

/** In the order in which Go writes them. */
const SUBJECT_FIELDS = [
  ['country', 'C'],
  ['organization', 'O'],
  ['organizationalUnit', 'OU'],
  ['locality', 'L'],
  ['province', 'ST'],
  ['streetAddresses', 'STREET'],
  ['postalCode', '2.5.4.17'],
  ['commonName', 'CN'],
  ['serialNumber', '2.5.4.5'],
  ['emailAddress', 'E'],
] as const

function subjectName(subject: Properties): x509.JsonName {
  return SUBJECT_FIELDS.flatMap(([property, attribute]) => {
    const value = subject[property]
    const values = Array.isArray(value) ? value.map(String) : value === undefined || value === '' ? [] : [String(value)]
    return values.map((text) => ({ [attribute]: [text] }))
  })
}

/** WebCrypto's name for signing with this key. */
function signingAlgorithm(key: KeyObject): Signing {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  if (key.asymmetricKeyType === 'ed25519') return { name: 'Ed25519' }
  const curves: Record<string, { namedCurve: string; hash: string }> = {
    prime256v1: { namedCurve: 'P-256', hash: 'SHA-256' },
    secp384r1: { namedCurve: 'P-384', hash: 'SHA-384' },
    secp521r1: { namedCurve: 'P-521', hash: 'SHA-512' },
  }
  const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (!curve)
    throw new Error('this stand-in signs with ECDSA on P256, P384 and P521 only; set ecdsaCurve to one of them')
  return { name: 'ECDSA', ...curve }
}

async function keyPair(pem: string): Promise<Signer> {
  const key = parsePrivateKey(pem)
  const algorithm = signingAlgorithm(key)
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const { subtle } = webcrypto
  const privateKey = await subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), algorithm, true, [
    'sign',
  ])
  const publicKey = await subtle.importKey('spki', spki, algorithm, true, ['verify'])
  return { keys: { privateKey, publicKey }, algorithm }
}

function alternativeNames(inputs: Properties): x509.Extension[] {
  const names: x509.JsonGeneralNames = [
    ...strings(inputs.dnsNames).map((value) => ({ type: 'dns', value }) as const),
    ...strings(inputs.ipAddresses).map((value) => ({ type: 'ip', value }) as const),
    ...strings(inputs.uris).map((value) => ({ type: 'url', value }) as const),
  ]
  return names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []
}

function usages(inputs: Properties): x509.Extension[] {
  const uses = strings(inputs.allowedUses)
  const flags = uses.reduce((all, use) => all | (KEY_USAGES[use] ?? 0), 0)
  const extended = uses.flatMap((use) => EXTENDED_KEY_USAGES[use] ?? [])
  return [
    ...(flags ? [new x509.KeyUsagesExtension(flags, true)] : []),
    ...(extended.length > 0 ? [new x509.ExtendedKeyUsageExtension(extended)] : []),
  ]
}

function constraints(inputs: Properties): x509.Extension {
  const isCa = inputs.isCaCertificate === true
  const depth = Number(inputs.maxPathLength ?? -1)
  return new x509.BasicConstraintsExtension(isCa, isCa && depth >= 0 ? depth : undefined, true)
}

function serialNumber(): Buffer {
  const serial = randomBytes(SERIAL_BYTES)
  serial[0] = (serial[0] ?? 0) & 0x7f
  return serial
}

/** A moment as Go's RFC3339 writes it, to the second. */
const rfc3339 = (date: Date) => date.toISOString().replace(/\.\d{3}Z$/, 'Z')

export interface Certificate {
  readonly id: string
  readonly certPem: string
  readonly validityStartTime: string
  readonly validityEndTime: string
}

interface Issue {
  readonly inputs: Properties
  readonly now: Date
  readonly subject: x509.JsonName | string
  readonly publicKey: webcrypto.CryptoKey
  readonly issuer: Signer & { readonly name: x509.JsonName | string }
  readonly extensions: readonly x509.Extension[]
}

async function issue({ inputs, now, subject, publicKey, issuer, extensions }: Issue): Promise<Certificate> {
  const notBefore = new Date(Math.floor(now.getTime() / 1000) * 1000)
  const notAfter = new Date(notBefore.getTime() + Number(inputs.validityPeriodHours) * HOUR_MS)
  const serial = serialNumber()
  // Go adds the key identifier to a CA by itself.
  const wantsKeyId = inputs.setSubjectKeyId === true || inputs.isCaCertificate === true
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial.toString('hex'),
    subject,
    issuer: issuer.name,
    notBefore,
    notAfter,
    publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: issuer.algorithm,
    extensions: [
      ...usages(inputs),
      constraints(inputs),
      ...(wantsKeyId ? [await x509.SubjectKeyIdentifierExtension.create(publicKey)] : []),
      ...extensions,
    ],
  })
  return {
    id: BigInt(`0x${serial.toString('hex')}`).toString(),
    certPem: `${certificate.toString('pem')}\n`,
    validityStartTime: rfc3339(notBefore),
    validityEndTime: rfc3339(notAfter),
  }
}

/** `tls:index/selfSignedCert:SelfSignedCert`. */
export async function selfSigned(inputs: Properties, now: Date): Promise<Certificate & { keyAlgorithm: string }> {
  const pem = String(inputs.privateKeyPem)
  const { keys, algorithm } = await keyPair(pem)
  const name = subjectName((inputs.subject ?? {}) as Properties)
  const wantsAuthority = inputs.setAuthorityKeyId === true || inputs.isCaCertificate === true
  const certificate = await issue({
    inputs,
    now,
    subject: name,
    publicKey: keys.publicKey,
    issuer: { name, keys, algorithm },
    extensions: [
      ...(wantsAuthority ? [await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey)] : []),
      ...alternativeNames(inputs),
    ],
  })
  return { ...certificate, keyAlgorithm: keyAlgorithm(pem) }
}

/** `tls:index/certRequest:CertRequest`. */
export async function certificateRequest(inputs: Properties): Promise<{ id: string; state: Properties }> {
  const pem = String(inputs.privateKeyPem)
  const { keys, algorithm } = await keyPair(pem)
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subjectName((inputs.subject ?? {}) as Properties),
    keys,
    signingAlgorithm: algorithm,
    extensions: alternativeNames(inputs),
  })
  const certRequestPem = `${request.toString('pem')}\n`
  return {
    id: createHash('sha1').update(certRequestPem).digest('hex'),
    state: { certRequestPem, keyAlgorithm: keyAlgorithm(pem) },
  }
}

/** `tls:index/locallySignedCert:LocallySignedCert`. Throws when the request's own signature does not hold. */
export async function locallySigned(inputs: Properties, now: Date): Promise<Certificate & { caKeyAlgorithm: string }> {
  const caPem = String(inputs.caPrivateKeyPem)
  const { keys, algorithm } = await keyPair(caPem)
  const ca = new x509.X509Certificate(String(inputs.caCertPem))
  const request = new x509.Pkcs10CertificateRequest(String(inputs.certRequestPem))
  if (!(await request.verify())) throw new Error('certRequestPem: the signature of the request does not hold')
  const names = request.getExtension(ALTERNATIVE_NAME)
  const certificate = await issue({
    inputs,
    now,
    subject: request.subjectName.toJSON(),
    publicKey: await request.publicKey.export(),
    issuer: { name: ca.subjectName.toJSON(), keys, algorithm },
    extensions: [await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey), ...(names ? [names] : [])],
  })
  return { ...certificate, caKeyAlgorithm: keyAlgorithm(caPem) }
}
