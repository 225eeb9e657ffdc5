/**
 * Files that containerd, CNI and the kubelet write at fixed places, whatever folders they are given. Ours are
 * recognised by what they point to; another containerd or kubelet may use the same places.
 */
import { readdir, readFile, readlink, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Layout } from './layout.ts'

/** `socketRoot` of containerd's shims. */
const SHIM_SOCKETS = '/run/containerd/s'
/** `CacheDir` of libcni. */
const CNI_RESULTS = '/var/lib/cni/results'
/** `legacyContainerLogsDir` of the kubelet: links to the logs. */
const CONTAINER_LOGS = '/var/log/containers'
/** `DevicePluginPath` of the kubelet. */
const DEVICE_PLUGINS = '/var/lib/kubelet/device-plugins'

/** Folders that go when nothing is left in them, the inner ones first. */
const FOLDERS = [SHIM_SOCKETS, CNI_RESULTS, CONTAINER_LOGS, DEVICE_PLUGINS].flatMap((folder) =>
  folder === CONTAINER_LOGS ? [folder] : [folder, dirname(folder)],
)

/** Our files that exist. */
export async function nodeFiles(layout: Layout): Promise<string[]> {
  const links = (await names(CONTAINER_LOGS)).map((name) => join(CONTAINER_LOGS, name))
  const targets = await Promise.all(links.map((link) => readlink(link).catch(() => '')))
  return [
    ...(await shimSockets(layout)),
    ...(await cniResults(layout)),
    ...links.filter((_, index) => targets[index]?.startsWith(`${layout.root}/`)),
  ]
}

/** Removes them, and the kubelet's socket for device plugins, which each start of a kubelet makes again. */
export async function removeNodeFiles(layout: Layout): Promise<void> {
  const files = await nodeFiles(layout)
  await Promise.all(files.map((file) => rm(file, { force: true })))
  // Otherwise the socket belongs to another kubelet.
  const ranKubelet = (await names(join(layout.data, 'kubelet'))).length > 0
  if (ranKubelet) await rm(join(DEVICE_PLUGINS, 'kubelet.sock'), { force: true })
  for (const folder of FOLDERS) await rmdir(folder).catch(() => undefined)
}

/** Each names the network namespace of the pod that it is about. */
async function cniResults({ root }: Layout): Promise<string[]> {
  const files = (await names(CNI_RESULTS)).map((name) => join(CNI_RESULTS, name))
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))
  return files.filter((_, index) => texts[index]?.includes(`"${root}/`))
}

/** A shim that was killed leaves its socket; the folder that containerd keeps for the container names it. */
async function shimSockets({ run }: Layout): Promise<string[]> {
  const tasks = join(run, 'containerd', 'io.containerd.runtime.v2.task', 'k8s.io')
  const addresses = await Promise.all(
    (await names(tasks)).map((task) => readFile(join(tasks, task, 'address'), 'utf8').catch(() => '')),
  )
  const sockets = addresses.map((address) => address.trim().replace('unix://', ''))
  const present = await names(SHIM_SOCKETS)
  return sockets.filter((socket) => present.some((name) => join(SHIM_SOCKETS, name) === socket))
}

function names(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => [])
}
