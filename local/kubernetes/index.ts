/**
 * A Kubernetes for the local world: a given one, else a real one of our own in namespaces of this machine.
 *
 * Callers hold the lock (`withWorldLock`) around everything that starts or stops.
 */
import { type Archive, ensureImages, importImages } from '../images/index.ts'
import { ingressService } from './addons/ingress.ts'
import { apply, loadKubeconfig } from './api.ts'
import { findCgroups } from './cgroups.ts'
import { cleanUp } from './clean.ts'
import type { CredentialProvider } from './credential-provider-files.ts'
import { Daemons, processesFile } from './daemons.ts'
import {
  addForward,
  forwardThroughApi,
  namespaceForwarder,
  nodeForwarder,
  outwardForwarder,
  outwardService,
  type ServicePort,
  serviceAddress,
  setForward,
} from './forward.ts'
import { contextName } from './kubeconfig.ts'
import { type Layout, layoutOf } from './layout.ts'
import { checkMachine } from './machine.ts'
import { startOwnCluster, useCredentialProvider } from './own-cluster.ts'
import { assertPortsFree } from './ports-in-use.ts'
import { isRunning, ProcessTable } from './process-table.ts'
import { clusterStatus } from './status.ts'

export { images } from '../images/index.ts'
export { deployment, type Manifest, RECREATE } from './addons/addon.ts'
export { ingressClass } from './addons/ingress.ts'
export { apply, loadKubeconfig } from './api.ts'
export type { ServicePort } from './forward.ts'
export { leftovers } from './leftovers.ts'
export { withWorldLock } from './lock.ts'
export { checkMachine } from './machine.ts'
export { type ClusterStatus, clusterStatus } from './status.ts'
export { storageClass } from './volumes.ts'

export interface ClusterOptions {
  readonly stateDir: string
  readonly cacheDir: string
  /** Absolute paths; `kubernetes` is a folder with the binaries of Kubernetes and etcd. */
  readonly tools: {
    readonly kubernetes: string
    readonly coredns: string
    readonly skipper: string
    readonly registry: string
    readonly versitygw: string
    readonly python: string
  }
  /** Loopback ports; all are checked before anything starts, `kubernetes` and `registry` are served by the cluster. */
  readonly ports: { readonly kubernetes: number; readonly registry: number; readonly [purpose: string]: number }
}

/** A cluster that can be used. */
export interface Cluster {
  readonly kubeconfig: string
  readonly context: string
  /** Serves a Service on 127.0.0.1 (and ::1) until the cluster is stopped; once more for the same port replaces it. */
  forward(target: ServicePort, localPort: number): Promise<void>
  /**
   * Lets pods reach what listens at `address` ("127.0.0.1:9000") on this machine, as a Service of that name.
   * Undefined for clusters that are not ours: theirs is a network of their own.
   */
  expose?(as: ServicePort, address: string): Promise<void>
  /** Gives the node a credential provider, by which it pulls. Undefined for clusters that are not ours. */
  pullWith?(provider: CredentialProvider): Promise<void>
}

/**
 * Brings a cluster up with DNS, ingress controller, a default StorageClass and our images, its ingress served on
 * `ports.registry`. One that runs is taken over at once; what a crash left is cleaned away first, data is kept.
 *
 * @throws Stop when the machine cannot carry it or a port is taken, before anything is started
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const layout = layoutOf(options.stateDir)
  await checkMachine()
  const archives = ensureImages({ ...options.tools, node: process.execPath }, options.cacheDir)
  // Awaited later; until then a failure must not count as unhandled.
  archives.catch(() => undefined)
  const cluster = await ourOwn(layout, options, archives)
  await cluster.forward(ingressService, options.ports.registry)
  await forwardOnNode(layout, options, cluster)
  return cluster
}

/** A cluster that somebody else runs: only port forwards are started, which need no root. */
export function givenCluster(stateDir: string, kubeconfig: string, context: string): Cluster {
  const layout = layoutOf(stateDir)
  return {
    kubeconfig,
    context,
    forward: (target, localPort) => forwardThroughApi(new Daemons(layout), { kubeconfig, context }, localPort, target),
  }
}

/**
 * Takes the cluster away, forwards to a given one included, and all that it changed on this machine.
 *
 * @param options.keepData keeps what the next start needs to go on
 */
export async function stopCluster(stateDir: string, options: { keepData: boolean }): Promise<void> {
  await cleanUp(layoutOf(stateDir), options)
}

async function ourOwn(layout: Layout, options: ClusterOptions, archives: Promise<Archive[]>): Promise<Cluster> {
  const { stateDir, tools, ports } = options
  if ((await clusterStatus(stateDir)).state === 'running') {
    await importImages(await archives, layout.containerdSocket)
  } else {
    await checkPorts(layout, ports)
    await cleanUp(layout, { keepData: true })
    await startOwnCluster(layout, {
      binaries: tools.kubernetes,
      python: tools.python,
      images: archives,
      apiPort: ports.kubernetes,
    })
  }
  const config = loadKubeconfig(layout.kubeconfig)
  return {
    kubeconfig: layout.kubeconfig,
    context: contextName,
    forward: async (target, localPort) => {
      const daemons = new Daemons(layout, await findCgroups(layout))
      const forwarder = namespaceForwarder(layout, daemons, tools.python)
      await addForward(layout, daemons, forwarder, localPort, await serviceAddress(config, target))
    },
    expose: async (as, address) => {
      const daemons = new Daemons(layout, await findCgroups(layout))
      await apply(config, outwardService(as))
      await setForward(layout, daemons, outwardForwarder(layout, daemons, tools.python), as.port, address)
    },
    pullWith: (provider) => useCredentialProvider(layout, tools.kubernetes, provider),
  }
}

/**
 * The registry's public name is one of this machine's loopback; the node, which pulls by it, has a loopback of its own.
 */
async function forwardOnNode(layout: Layout, { tools, ports }: ClusterOptions, { kubeconfig }: Cluster): Promise<void> {
  const daemons = new Daemons(layout, await findCgroups(layout))
  const address = await serviceAddress(loadKubeconfig(kubeconfig), ingressService)
  await setForward(layout, daemons, nodeForwarder(layout, daemons, tools.python), ports.registry, address)
}

async function checkPorts(layout: Layout, ports: ClusterOptions['ports']): Promise<void> {
  const ours = (await new ProcessTable(processesFile(layout)).list()).filter(isRunning)
  await assertPortsFree(
    ports,
    ours.map(({ pid }) => pid),
  )
}
