/**
 * The cluster's own certificate authority, and a certificate for each component that has to prove who it is.
 *
 * The names in the subjects are Kubernetes' own: the user is the common name, groups are organisations
 * (https://kubernetes.io/docs/setup/best-practices/certificates/).
 */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { kubeconfigText } from './kubeconfig.ts'
import { network } from './layout.ts'

/** A kept cluster must not start with expired certificates: nothing renews them. */
const VALID_YEARS = 10
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

export interface Pair {
  /** PEM. */
  readonly certificate: string
  /** PEM, PKCS #8. */
  readonly key: string
}

export interface Authority extends Pair {
  /**
   * @param subject a distinguished name such as `O=system:nodes, CN=system:node:local`
   * @param names DNS names and IP addresses that the certificate is valid for
   */
  issue(subject: string, names?: readonly string[]): Promise<Pair>
}

/** A new certificate authority. */
export async function createAuthority(commonName: string): Promise<Authority> {
  const keys = await generateKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    ...validity(),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return {
    ...(await pem(certificate, keys.privateKey)),
    issue: (...leaf) => issue(certificate, keys.privateKey, ...leaf),
  }
}

async function issue(
  authority: X509Certificate,
  signingKey: webcrypto.CryptoKey,
  subject: string,
  names: readonly string[] = [],
): Promise<Pair> {
  const keys = await generateKeys()
  const alternativeNames = names.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? 'ip' : 'dns', value }) as const)
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: authority.subject,
    ...validity(),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      await AuthorityKeyIdentifierExtension.create(authority),
      ...(alternativeNames.length > 0 ? [new SubjectAlternativeNameExtension(alternativeNames)] : []),
    ],
  })
  return pem(certificate, keys.privateKey)
}

/** The names under which the API server is reached: loopback, node, Service. */
export const apiServerNames = [
  'localhost',
  '127.0.0.1',
  '::1',
  network.nodeAddress,
  network.apiServiceAddress,
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  `kubernetes.default.svc.${network.domain}`,
]

/** Which components get a kubeconfig, and the subject under which the API server then knows them. */
export const clients = {
  'controller-manager': 'CN=system:kube-controller-manager',
  scheduler: 'CN=system:kube-scheduler',
  proxy: 'CN=system:kube-proxy',
  kubelet: `O=system:nodes, CN=system:node:${network.nodeName}`,
  provisioner: 'CN=local-storage',
} as const

/**
 * Makes the certificates in `directory`, unless they are there: they appear all at once, so a start that was cut off
 * leaves none.
 */
export async function ensurePki(directory: string): Promise<void> {
  if (await stat(directory).catch(() => undefined)) return
  const fresh = `${directory}.new`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true, mode: 0o700 })
  const write = (name: string, text: string) => writeFile(join(fresh, name), text, { mode: 0o600 })
  const writePair = async (name: string, { certificate, key }: Pair) => {
    await write(`${name}.crt`, certificate)
    await write(`${name}.key`, key)
  }

  const authority = await createAuthority('passwordless-registry-local')
  await writePair('ca', authority)
  await writePair('apiserver', await authority.issue('CN=kube-apiserver', apiServerNames))
  await writePair('apiserver-kubelet', await authority.issue('O=system:masters, CN=apiserver-kubelet'))
  await writePair('front-proxy', await authority.issue('CN=front-proxy'))
  await writePair('kubelet', await authority.issue(clients.kubelet, [network.nodeName, network.nodeAddress]))
  await writePair('admin', await authority.issue('O=system:masters, CN=admin'))
  const server = `https://${network.nodeAddress}:${network.apiPort}`
  for (const [name, subject] of Object.entries(clients)) {
    const pair = await authority.issue(subject)
    await write(`${name}.kubeconfig`, kubeconfigText({ server, authority: authority.certificate, user: name, ...pair }))
  }
  const serviceAccounts = await generateKeys()
  await write('service-accounts.key', await privateKeyPem(serviceAccounts.privateKey))
  const publicKey = await webcrypto.subtle.exportKey('spki', serviceAccounts.publicKey)
  await write('service-accounts.pub', PemConverter.encode(publicKey, 'PUBLIC KEY'))
  await rename(fresh, directory)
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

function validity(): { notBefore: Date; notAfter: Date } {
  const notBefore = new Date()
  const notAfter = new Date(notBefore)
  notAfter.setFullYear(notAfter.getFullYear() + VALID_YEARS)
  return { notBefore, notAfter }
}

async function pem(certificate: X509Certificate, privateKey: webcrypto.CryptoKey): Promise<Pair> {
  return { certificate: `${certificate.toString('pem')}\n`, key: await privateKeyPem(privateKey) }
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`
}
