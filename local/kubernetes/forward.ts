/**
 * Makes a Service of the cluster reachable on this machine's loopback. Two ways, one interface:
 *
 * - into the network namespace of our own cluster: one small process (forwarder.py), plain TCP, that reads its ports
 *   from a file, again on SIGHUP. It also works the other way round, for pods that need what listens on this machine's
 *   loopback - through the API server of any other cluster: a `kubectl port-forward` for each port
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node'
import type { Manifest } from './addons/addon.ts'
import type { Daemons } from './daemons.ts'
import { type Layout, network } from './layout.ts'
import { endProcesses, isRunning, signal } from './process-table.ts'

export interface ServicePort {
  readonly namespace: string
  readonly service: string
  /** The Service's own port. */
  readonly port: number
}

/** How long a forwarder may take until it listens on a new port. */
const LISTEN_LIMIT_SECONDS = 30
const POLL_MILLISECONDS = 25

/** Where a detached forwarder reads what to listen on: local port to target. */
export function forwardsFile({ run }: Layout, name = 'forwarder'): string {
  return join(run, `${name}.json`)
}

const forwarderScript = join(import.meta.dirname, 'forwarder.py')

export interface Forwarder {
  readonly name: string
  /** Starts it; it reads `forwardsFile`. */
  start(): Promise<void>
}

/** The process that listens on this machine's loopback and connects inside our cluster's network namespace. */
export function namespaceForwarder(layout: Layout, daemons: Daemons, python: string): Forwarder {
  const argv = [python, forwarderScript, layout.networkNamespace, forwardsFile(layout), '127.0.0.1', '::1'] as const
  return { name: 'forwarder', start: () => daemons.start('forwarder', argv) }
}

/** The other way round: listens on the node's address, where pods reach it, and connects on this machine's loopback. */
export function outwardForwarder(layout: Layout, daemons: Daemons, python: string): Forwarder {
  const name = 'outward-forwarder'
  // The namespace in which this very command runs: the machine's own, but for a world inside of another namespace.
  const outside = `/proc/${process.pid}/ns/net`
  const argv = [python, forwarderScript, outside, forwardsFile(layout, name), network.nodeAddress] as const
  return { name, start: () => daemons.startInside(name, argv) }
}

/** On the node itself, whose images have the registry's public name: listens on the loopback inside the namespace. */
export function nodeForwarder(layout: Layout, daemons: Daemons, python: string): Forwarder {
  const name = 'node-forwarder'
  const files = [layout.networkNamespace, forwardsFile(layout, name)]
  return { name, start: () => daemons.startInside(name, [python, forwarderScript, ...files, '127.0.0.1', '::1']) }
}

/** Through an API server, in place of what served the port before: kubectl ends with the pod that it leads to. */
export async function forwardThroughApi(
  daemons: Daemons,
  { kubeconfig, context }: { kubeconfig: string; context: string },
  localPort: number,
  { namespace, service, port }: ServicePort,
): Promise<void> {
  const name = `forwarder-${localPort}`
  await endProcesses(
    (await daemons.table.list()).filter((record) => record.name === name),
    0,
  )
  const cluster = [`--kubeconfig=${kubeconfig}`, `--context=${context}`, `--namespace=${namespace}`]
  await daemons.start(name, ['kubectl', ...cluster, 'port-forward', `service/${service}`, `${localPort}:${port}`])
  await untilListens(daemons, name, localPort)
}

/**
 * Adds one port to the forwarder (started when it does not run). A port that is forwarded already gets the new target.
 *
 * @param target "address:port"
 */
export async function setForward(
  layout: Layout,
  daemons: Daemons,
  forwarder: Forwarder,
  port: number,
  target: string,
): Promise<void> {
  const file = forwardsFile(layout, forwarder.name)
  const forwards = JSON.parse(await readFile(file, 'utf8').catch(() => '{}'))
  await mkdir(layout.run, { recursive: true })
  await writeFile(`${file}.new`, JSON.stringify({ ...forwards, [port]: target }))
  await rename(`${file}.new`, file)
  const record = (await daemons.table.list()).find(({ name }) => name === forwarder.name)
  if (record && isRunning(record)) signal(record, 'SIGHUP')
  else await forwarder.start()
}

/** As setForward, for a port of this machine's loopback; waits until it listens. */
export async function addForward(
  layout: Layout,
  daemons: Daemons,
  forwarder: Forwarder,
  localPort: number,
  target: string,
): Promise<void> {
  await setForward(layout, daemons, forwarder, localPort, target)
  await untilListens(daemons, forwarder.name, localPort)
}

/** @throws when the process of that name ends before it listens, with the end of its log */
async function untilListens(daemons: Daemons, name: string, localPort: number): Promise<void> {
  const running = async () => (await daemons.table.list()).find((record) => record.name === name)
  const giveUp = performance.now() + LISTEN_LIMIT_SECONDS * 1000
  while (!(await listens(localPort))) {
    const started = await running()
    if (!started || !isRunning(started)) throw new Error(await daemons.explain(name))
    if (performance.now() > giveUp) {
      throw new Error(`${name} does not listen on port ${localPort} after ${LISTEN_LIMIT_SECONDS} s`)
    }
    await sleep(POLL_MILLISECONDS)
  }
}

/** The address of a Service inside the cluster. */
export async function serviceAddress(config: KubeConfig, { namespace, service, port }: ServicePort): Promise<string> {
  const { spec } = await config.makeApiClient(CoreV1Api).readNamespacedService({ namespace, name: service })
  if (!spec?.clusterIP || spec.clusterIP === 'None') {
    throw new Error(`Service ${namespace}/${service} has no cluster address to forward to`)
  }
  return `${spec.clusterIP}:${port}`
}

/** A Service that pods reach by its name and the outward forwarder serves on the node. */
export function outwardService({ namespace, service, port }: ServicePort): Manifest[] {
  const metadata = { name: service, namespace }
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ name: 'http', port }] } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${service}-outside`, namespace, labels: { 'kubernetes.io/service-name': service } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port }],
      endpoints: [{ addresses: [network.nodeAddress], conditions: { ready: true } }],
    },
  ]
}

function listens(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
