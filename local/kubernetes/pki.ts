/**
 * The cluster's own certificate authority, and a certificate for each component that has to prove who it is; made by
 * openssl.
 *
 * The names in the subjects are Kubernetes' own: the user is the common name, groups are organisations
 * (https://kubernetes.io/docs/setup/best-practices/certificates/).
 */
import { generateKeyPairSync } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { run } from '../toolchain/command.ts'
import { kubeconfigText } from './kubeconfig.ts'
import { network } from './layout.ts'

/** A kept cluster must not start with expired certificates: nothing renews them. */
const VALID_DAYS = 3653
const LIMIT = { timeoutSeconds: 20 }

/** Of openssl-req(1): what the certificates may be used for. */
const CONFIGURATION = `[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign, digitalSignature
subjectKeyIdentifier = hash
[component]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
authorityKeyIdentifier = keyid
`

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
  'controller-manager': '/CN=system:kube-controller-manager',
  scheduler: '/CN=system:kube-scheduler',
  proxy: '/CN=system:kube-proxy',
  kubelet: `/O=system:nodes/CN=system:node:${network.nodeName}`,
  provisioner: '/CN=local-storage',
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
  const read = (name: string) => readFile(join(fresh, name), 'utf8')
  const write = (name: string, text: string) => writeFile(join(fresh, name), text, { mode: 0o600 })
  /** A new key and its certificate, as NAME.key and NAME.crt. */
  const make = (name: string, subject: string, extensions: string[]) =>
    run(
      [
        ...['openssl', 'req', '-x509', '-config', 'openssl.conf', '-days', String(VALID_DAYS), '-subj', subject],
        ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-sha256', '-noenc'],
        ...['-keyout', `${name}.key`, '-out', `${name}.crt`, ...extensions],
      ] as [string, ...string[]],
      { ...LIMIT, cwd: fresh },
    )
  const issue = (name: string, subject: string, names: readonly string[] = []) => {
    const alternatives = names.map((value) => `${isIP(value) ? 'IP' : 'DNS'}:${value}`).join()
    const alternativeNames = alternatives ? ['-addext', `subjectAltName=${alternatives}`] : []
    return make(name, subject, ['-extensions', 'component', '-CA', 'ca.crt', '-CAkey', 'ca.key', ...alternativeNames])
  }

  await write('openssl.conf', CONFIGURATION)
  await make('ca', '/CN=passwordless-registry-local', ['-extensions', 'authority'])
  await issue('apiserver', '/CN=kube-apiserver', apiServerNames)
  await issue('apiserver-kubelet', '/O=system:masters/CN=apiserver-kubelet')
  await issue('front-proxy', '/CN=front-proxy')
  await issue('kubelet', clients.kubelet, [network.nodeName, network.nodeAddress])
  await issue('admin', '/O=system:masters/CN=admin')
  const server = `https://${network.nodeAddress}:${network.apiPort}`
  for (const [user, subject] of Object.entries(clients)) {
    await issue(`client-${user}`, subject)
    const [authority, certificate] = [await read('ca.crt'), await read(`client-${user}.crt`)]
    const key = await read(`client-${user}.key`)
    await write(`${user}.kubeconfig`, kubeconfigText({ server, authority, user, certificate, key }))
  }
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  await write('service-accounts.key', privateKey)
  await write('service-accounts.pub', publicKey)
  await rename(fresh, directory)
}
