/** `tls:index/selfSignedCert:SelfSignedCert` of an ECDSA key, for digital signatures: what our program makes. */
import 'reflect-metadata'
import { createPublicKey, webcrypto } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  BasicConstraintsExtension,
  cryptoProvider,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { Failure } from '../engine/provider.ts'
import { isObject, type Properties, UNKNOWN } from '../engine/values.ts'
import { parsePrivateKey } from './private-key.ts'

cryptoProvider.set(webcrypto)

const HOUR_MS = 3_600_000
const USES = ['digital_signature']

/** WebCrypto's names for OpenSSL's curves, and the hash for each. */
const CURVES: Record<string, { namedCurve: string; hash: string }> = {
  prime256v1: { namedCurve: 'P-256', hash: 'SHA-256' },
  secp384r1: { namedCurve: 'P-384', hash: 'SHA-384' },
}

/** Why these inputs cannot make a certificate, or nothing. */
export function certificateFailures({ allowedUses, subject }: Properties): Failure[] {
  const failures: Failure[] = []
  if (allowedUses !== undefined && allowedUses !== UNKNOWN && !isDeepStrictEqual(allowedUses, USES)) {
    failures.push({ property: 'allowedUses', reason: `expected ["${USES}"]; this stand-in makes no other` })
  }
  if (isObject(subject) && Object.keys(subject).some((name) => name !== 'commonName')) {
    failures.push({ property: 'subject', reason: 'expected a commonName alone; this stand-in makes no other' })
  }
  return failures
}

export interface Certificate {
  readonly id: string
  readonly certPem: string
  readonly keyAlgorithm: string
  readonly validityStartTime: string
  readonly validityEndTime: string
}

/** Makes a certificate that begins `now`. */
export async function selfSigned(inputs: Properties, now: Date): Promise<Certificate> {
  const key = parsePrivateKey(String(inputs.privateKeyPem))
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (!curve) throw new Error('this stand-in makes certificates of ECDSA keys on P256 and P384 only')
  const algorithm = { name: 'ECDSA', ...curve }
  const keys = {
    privateKey: key.toCryptoKey(algorithm, true, ['sign']),
    publicKey: createPublicKey(key).toCryptoKey(algorithm, true, ['verify']),
  }
  const notBefore = new Date(Math.floor(now.getTime() / 1000) * 1000)
  const notAfter = new Date(notBefore.getTime() + Number(inputs.validityPeriodHours) * HOUR_MS)
  const { commonName } = (inputs.subject ?? {}) as { commonName?: string }
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: commonName === undefined ? [] : [{ CN: [commonName] }],
    notBefore,
    notAfter,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new BasicConstraintsExtension(false, undefined, true),
    ],
  })
  return {
    id: BigInt(`0x${certificate.serialNumber}`).toString(),
    certPem: `${certificate.toString('pem')}\n`,
    keyAlgorithm: 'ECDSA',
    validityStartTime: rfc3339(notBefore),
    validityEndTime: rfc3339(notAfter),
  }
}

/** A moment as Go's RFC3339 writes it, to the second. */
const rfc3339 = (date: Date) => date.toISOString().replace(/\.\d{3}Z$/, 'Z')
