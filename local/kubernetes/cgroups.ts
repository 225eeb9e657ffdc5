/**
 * Our processes and those of the pods run in cgroups of our own, so that what a crash left behind is found without
 * guessing:
 *
 * plr-<hash of the state directory>/daemons    what we start, and the containerd shims that stem from it plr-<hash of
 * the state directory>/pods       the kubelet's root, all pods are below it
 *
 * On a cgroup v1 (or hybrid) machine a process is followed in the `pids` hierarchy; the kubelet wants its root in all
 * of them. On v2 there is one hierarchy (written after the kernel's documentation; run on hybrid machines only so far).
 */
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Layout } from './layout.ts'

interface Hierarchies {
  readonly version: 1 | 2
  /** The mount points in which we make a cgroup. */
  readonly all: readonly string[]
  /** The one of them in which processes are looked up. */
  readonly processes: string
}

export interface Cgroups extends Hierarchies {
  readonly name: string
}

/** As the kubelet's configuration names it. */
export function podsCgroup({ cgroup }: Layout): string {
  return `/${cgroup}/pods`
}

/** What `runc` needs on v2; each is enabled when the kernel has it. */
const V2_CONTROLLERS = ['cpu', 'cpuset', 'memory', 'pids', 'io', 'hugetlb']
/** An empty cgroup is busy for a moment after its last process has ended. */
const REMOVE_LIMIT_SECONDS = 5
const POLL_MILLISECONDS = 20

/**
 * @param mounts the text of `/proc/self/mounts`
 * @throws when no usable cgroup hierarchy is mounted
 */
export function parseCgroupMounts(mounts: string): Hierarchies {
  const entries = mounts.split('\n').map((line) => line.split(' '))
  const v1 = entries
    .filter(([, , type]) => type === 'cgroup')
    .map(([, path = '', , options = '']) => ({ path, options }))
  const pids = v1.find(({ options }) => options.split(',').includes('pids'))
  if (pids) return { version: 1, all: v1.map(({ path }) => path), processes: pids.path }
  const v2 = entries.find(([, , type]) => type === 'cgroup2')?.[1]
  if (v2) return { version: 2, all: [v2], processes: v2 }
  throw new Error('no cgroup hierarchy with the pids controller is mounted; expected cgroup v2 at /sys/fs/cgroup')
}

/** The cgroups of a cluster, whether they exist or not. */
export async function findCgroups({ cgroup }: Layout): Promise<Cgroups> {
  return { ...parseCgroupMounts(await readFile('/proc/self/mounts', 'utf8')), name: cgroup }
}

export async function createCgroups(cgroups: Cgroups): Promise<void> {
  for (const mount of cgroups.all) {
    if (cgroups.version === 2) await enableControllers(mount)
    for (const cgroup of [cgroups.name, `${cgroups.name}/pods`]) {
      await mkdir(join(mount, cgroup), { recursive: true })
      if (cgroups.version === 2) await enableControllers(join(mount, cgroup))
      else if (basename(mount).split(',').includes('cpuset')) await fillCpuset(mount, join(mount, cgroup))
    }
  }
  await mkdir(daemonsDirectory(cgroups), { recursive: true })
}

/** Moves one of our processes, and all that it starts from then on, into our cgroup. */
export async function joinDaemons(cgroups: Cgroups, pid: number): Promise<void> {
  await writeFile(join(daemonsDirectory(cgroups), 'cgroup.procs'), String(pid))
}

/** Process ids in our cgroups: pods, daemons, shims. */
export async function processesIn(cgroups: Cgroups, part: 'daemons' | 'pods'): Promise<number[]> {
  const found: number[] = []
  for (const directory of await tree(join(cgroups.processes, cgroups.name, part))) {
    const text = await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(absent)
    found.push(...(text ?? '').split('\n').filter(Boolean).map(Number))
  }
  return found
}

/** Our directories that exist, children before parents. */
export async function cgroupDirectories(cgroups: Cgroups): Promise<string[]> {
  return (await Promise.all(cgroups.all.map((mount) => tree(join(mount, cgroups.name))))).flat()
}

/** Removes our cgroups; their processes must have ended. */
export async function removeCgroups(cgroups: Cgroups): Promise<void> {
  const giveUp = performance.now() + REMOVE_LIMIT_SECONDS * 1000
  for (const directory of await cgroupDirectories(cgroups)) {
    while (!(await removed(directory, performance.now() > giveUp))) await sleep(POLL_MILLISECONDS)
  }
}

async function removed(directory: string, lastTry: boolean): Promise<boolean> {
  try {
    await rmdir(directory)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return true
    if (code === 'EBUSY' && !lastTry) return false
    throw error
  }
}

function daemonsDirectory(cgroups: Cgroups): string {
  return join(cgroups.processes, cgroups.name, 'daemons')
}

async function tree(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(absent)
  if (!entries) return []
  const children = entries.filter((entry) => entry.isDirectory()).map(({ name }) => tree(join(directory, name)))
  return [...(await Promise.all(children)).flat(), directory]
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENODEV') return undefined
  throw error
}

/** A new v1 cpuset is empty and takes no process until it is filled. */
async function fillCpuset(mount: string, cgroup: string): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    await writeFile(join(cgroup, file), await readFile(join(mount, file), 'utf8'))
  }
}

/** Hands the controllers that `cgroup` has down to its children. */
async function enableControllers(cgroup: string): Promise<void> {
  const present = (await readFile(join(cgroup, 'cgroup.controllers'), 'utf8')).trim().split(' ')
  const wanted = V2_CONTROLLERS.filter((controller) => present.includes(controller))
  await writeFile(join(cgroup, 'cgroup.subtree_control'), wanted.map((controller) => `+${controller}`).join(' '))
}
