/** Starts our own cluster: everything in one network namespace of this machine. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Archive, images, importImages } from '../images/index.ts'
import { step } from '../steps.ts'
import { run } from '../toolchain/command.ts'
import { type Addon, clusterRoleBinding, type Manifest } from './addons/addon.ts'
import { dns } from './addons/dns.ts'
import { ingress } from './addons/ingress.ts'
import { storageObjects } from './addons/storage.ts'
import { apply, areReadyAgain, isAddonReady, isApiReady, isNodeReady, loadKubeconfig } from './api.ts'
import { createCgroups, findCgroups } from './cgroups.ts'
import { containerRuntime, controlPlane, kubelet, node } from './components.ts'
import { configurationFiles, pauseImage } from './configuration.ts'
import { type CredentialProvider, writeCredentialProvider } from './credential-provider-files.ts'
import { Daemons } from './daemons.ts'
import { addForward, namespaceForwarder } from './forward.ts'
import { kubeconfigText } from './kubeconfig.ts'
import { type Layout, network } from './layout.ts'
import { createNetwork } from './network.ts'
import { ensurePki } from './pki.ts'
import { endProcesses, isRunning } from './process-table.ts'
import { saveSysctls } from './sysctls.ts'

/** Each wait ends after this long; on two idle cores the longest takes 5 s. */
const WAIT_LIMIT_SECONDS = 120
const POLL_MILLISECONDS = 100
/** For the kubelet's requests to end. */
const KUBELET_GRACE_SECONDS = 10

/** What our own cluster is made of. */
export interface OwnClusterParts {
  /** The folder with kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy and etcd. */
  readonly binaries: string
  /** A Python 3, for the forwarder. */
  readonly python: string
  readonly images: Promise<readonly Archive[]>
  /** Loopback port of the API server. */
  readonly apiPort: number
}

export const addons: readonly Addon[] = [dns(images.coredns), ingress(images.skipper)]

const objects: readonly Manifest[] = [
  ...storageObjects,
  // The role is built into Kubernetes, its use is up to who runs the cluster.
  clusterRoleBinding('local-node-proxier', 'system:node-proxier', { kind: 'User', name: 'system:kube-proxy' }),
  ...addons.flatMap((addon) => addon.objects),
]

/** The names under which a complete cluster's processes are recorded. */
export function processNames(layout: Layout): string[] {
  const components = [...controlPlane('', layout), containerRuntime(layout), ...node('', layout)]
  return [...components.map(({ name }) => name), 'forwarder', 'node-forwarder', 'provisioner']
}

/** Starts all processes and waits until pods run, names resolve and the ingress controller answers. */
export async function startOwnCluster(layout: Layout, parts: OwnClusterParts): Promise<void> {
  // Kubernetes' times are whole seconds.
  const since = new Date(Math.floor(Date.now() / 1000) * 1000)
  const daemons = await step('Control plane started', () => startControlPlane(layout, parts))
  const config = loadKubeconfig(layout.kubeconfig)
  const wait = (what: string, isDone: () => Promise<boolean>) => waitUntil(what, isDone, daemons)
  const importThose = async (isWanted: (archive: Archive) => boolean) => {
    const archives = await parts.images
    await wait('containerd', () => isContainerdReady(layout))
    await importImages(archives.filter(isWanted), layout.containerdSocket)
  }
  await Promise.all([
    step('API server answers', () => wait('the API server', () => isApiReady(config))),
    // Before the kubelet starts: one that finds an image missing tries to pull it, and then waits for 10 s.
    step('Images of the add-ons imported', () => importThose(isForAddons)),
  ])
  const startPods = async () => {
    await step('Node ready', async () => {
      await apply(config, objects)
      await startNode(layout, parts, daemons)
      await wait('the node', () => isNodeReady(config, since))
    })
    await step('DNS and ingress controller ready', async () => {
      for (const addon of addons) await wait(addon.name, () => isAddonReady(config, addon, since))
    })
  }
  await Promise.all([
    startPods(),
    step('Images of the stack imported', () => importThose((archive) => !isForAddons(archive))),
  ])
}

function isForAddons({ reference }: Archive): boolean {
  return [pauseImage, images.coredns, images.skipper].includes(reference)
}

async function startControlPlane(layout: Layout, { binaries, python, apiPort }: OwnClusterParts): Promise<Daemons> {
  await mkdir(layout.run, { recursive: true })
  await saveSysctls(layout)
  await ensurePki(layout.pki)
  await writeConfiguration(layout, apiPort)
  const cgroups = await findCgroups(layout)
  await createCgroups(cgroups)
  await createNetwork(layout)
  const daemons = new Daemons(layout, cgroups)
  for (const { name, argv } of [...controlPlane(binaries, layout), containerRuntime(layout)]) {
    await daemons.startInside(name, argv)
  }
  const target = `${network.nodeAddress}:${network.apiPort}`
  await addForward(layout, daemons, namespaceForwarder(layout, daemons, python), apiPort, target)
  return daemons
}

async function startNode(layout: Layout, { binaries }: OwnClusterParts, daemons: Daemons): Promise<void> {
  for (const { name, argv } of node(binaries, layout)) await daemons.startInside(name, argv)
  await mkdir(layout.volumes, { recursive: true, mode: 0o711 })
  const script = join(import.meta.dirname, 'provisioner.ts')
  const kubeconfig = join(layout.pki, 'provisioner.kubeconfig')
  await daemons.startInside('provisioner', [process.execPath, script, kubeconfig, layout.volumes])
}

/**
 * The kubelet reads the configuration of its credential provider when it starts, so it restarts, as on any node. Pods
 * go on meanwhile.
 */
export async function useCredentialProvider(
  layout: Layout,
  binaries: string,
  wanted: CredentialProvider,
): Promise<void> {
  if (!(await writeCredentialProvider(layout, wanted))) return
  const daemons = new Daemons(layout, await findCgroups(layout))
  await restartKubelet(layout, binaries, daemons)
}

/** Ends the kubelet and starts it, and waits until the node is ready, and its pods as the new kubelet sees them. */
export async function restartKubelet(layout: Layout, binaries: string, daemons: Daemons): Promise<void> {
  const since = new Date(Math.floor(Date.now() / 1000) * 1000)
  const { name, argv } = kubelet(binaries, layout)
  await endProcesses(
    (await daemons.table.list()).filter((record) => record.name === name),
    KUBELET_GRACE_SECONDS,
  )
  await daemons.startInside(name, argv)
  const config = loadKubeconfig(layout.kubeconfig)
  await waitUntil('the node', () => isNodeReady(config, since), daemons)
  await waitUntil('the pods', () => areReadyAgain(config, since), daemons)
}

async function writeConfiguration(layout: Layout, apiPort: number): Promise<void> {
  for (const [name, text] of Object.entries(configurationFiles(layout))) {
    const file = join(layout.etc, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  const [authority, certificate, key] = await Promise.all(
    ['ca.crt', 'admin.crt', 'admin.key'].map((name) => readFile(join(layout.pki, name), 'utf8')),
  )
  if (!authority || !certificate || !key) throw new Error(`incomplete certificates in ${layout.pki}; delete it`)
  const server = `https://127.0.0.1:${apiPort}`
  const text = kubeconfigText({ server, authority, user: 'admin', certificate, key })
  await writeFile(layout.kubeconfig, text, { mode: 0o600 })
}

async function isContainerdReady({ containerdSocket }: Layout): Promise<boolean> {
  return run(['ctr', '--address', containerdSocket, 'version'], { timeoutSeconds: 5 }).then(
    () => true,
    () => false,
  )
}

/** @throws when one of our processes has ended, with the end of its log, or when the limit is reached */
async function waitUntil(what: string, isDone: () => Promise<boolean>, daemons: Daemons): Promise<void> {
  const giveUp = performance.now() + WAIT_LIMIT_SECONDS * 1000
  while (!(await isDone())) {
    const ended = (await daemons.table.list()).find((record) => !isRunning(record))
    if (ended) throw new Error(await daemons.explain(ended.name))
    if (performance.now() > giveUp) throw new Error(`waited ${WAIT_LIMIT_SECONDS} s for ${what}, which is not ready`)
    await sleep(POLL_MILLISECONDS)
  }
}
