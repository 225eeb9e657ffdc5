/** A real Kubernetes API server with etcd and the controllers, but no node: plain processes on free loopback ports. */
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureKubernetes } from '../../local/toolchain/index.ts'

/** On a busy machine with two cores. */
const READY_LIMIT_MS = 90_000
const END_LIMIT_MS = 10_000

export interface ApiServer {
  /** Path of a kubeconfig for an administrator. */
  readonly kubeconfig: string
  readonly url: string
  /** Path of the certificate that it made itself, with the authority that signed it. */
  readonly certificate: string
  /** What signs the tokens of its service accounts. */
  readonly accountKey: KeyObject
  /** A request as that administrator; answers the JSON. */
  request(method: string, path: string, body?: unknown): Promise<unknown>
  close(): Promise<void>
}

/** A port of loopback that nothing listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address')
  return address.port
}

const kubeconfigFor = (server: string, token: string) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  })

/** Starts everything and waits until it serves. */
export async function startApiServer(): Promise<ApiServer> {
  const tools = await ensureKubernetes()
  const directory = await mkdtemp(join(tmpdir(), 'api-server-'))
  const children: ChildProcess[] = []
  const start = (name: string, args: readonly string[]): void => {
    children.push(spawn(join(tools, name), args, { stdio: 'ignore', cwd: directory }))
  }
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()]
  const etcd = `http://127.0.0.1:${etcdPort}`
  const peer = `http://127.0.0.1:${peerPort}`
  const url = `https://127.0.0.1:${port}`
  const token = randomBytes(16).toString('hex')
  const kubeconfig = join(directory, 'kubeconfig')
  const accountKey = join(directory, 'account.key')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  await writeFile(accountKey, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 })
  await writeFile(join(directory, 'tokens.csv'), `${token},admin,admin,system:masters\n`, { mode: 0o600 })
  await writeFile(kubeconfig, kubeconfigFor(url, token), { mode: 0o600 })

  start('etcd', [
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
  ])
  start('kube-apiserver', [
    `--etcd-servers=${etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${join(directory, 'certificates')}`,
    `--token-auth-file=${join(directory, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${accountKey}`,
    `--service-account-key-file=${accountKey}`,
    // Loopback is refused as the address of the Service "kubernetes".
    '--endpoint-reconciler-type=none',
  ])

  // The server made its certificate itself a moment ago, on this machine.
  const { Agent, fetch } = await import('undici')
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const request = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    return (await fetch(`${url}${path}`, { method, headers, dispatcher, ...sent })).json()
  }
  const close = async (): Promise<void> => {
    await dispatcher.destroy()
    await Promise.all(children.map(end))
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const limit = Date.now() + READY_LIMIT_MS
    for (;;) {
      const answer = await fetch(`${url}/readyz`, { headers, dispatcher }).catch(() => undefined)
      if (answer?.ok) break
      if (Date.now() > limit) throw new Error('the API server did not become ready')
      await sleep(200)
    }
    start('kube-controller-manager', [
      `--kubeconfig=${kubeconfig}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${await freePort()}`,
      `--service-account-private-key-file=${accountKey}`,
      `--cert-dir=${join(directory, 'certificates')}`,
    ])
  } catch (error) {
    await close()
    throw error
  }
  const certificate = join(directory, 'certificates', 'apiserver.crt')
  return { kubeconfig, url, certificate, accountKey: privateKey, request, close }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  if (await Promise.race([ended, sleep(END_LIMIT_MS)])) return
  child.kill('SIGKILL')
  await ended
}
