/**
 * Our processes and those of the pods run in cgroups of our own, so that what a crash left behind is found without
 * guessing:
 *
 *   plr/daemons    what we start, and the containerd shims that stem from it
 *   plr/pods       the kubelet's root, all pods are below it
 *
 * On a cgroup v1 (or hybrid) machine a process is followed in the `pids` hierarchy; the kubelet wants its root in all of
 * them. On v2 there is one hierarchy.
 */
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ownName } from './layout.ts'

export interface CgroupHierarchies {
  readonly version: 1 | 2
  /** The mount points in which a cgroup of ours is made. */
  readonly all: readonly string[]
  /** The one of them in which processes are looked up. */
  readonly processes: string
}

/** As the kubelet's configuration names it. */
export const podsCgroup = `/${ownName}/pods`

/** What `runc` needs on v2; each is enabled when the kernel has it. */
const V2_CONTROLLERS = ['cpu', 'cpuset', 'memory', 'pids', 'io', 'hugetlb']
/** An empty cgroup is busy for a moment after its last process has ended. */
const REMOVE_LIMIT_SECONDS = 5
const POLL_MILLISECONDS = 20

/**
 * @param mounts the text of `/proc/self/mounts`
 * @throws when no usable cgroup hierarchy is mounted
 */
export function parseCgroupMounts(mounts: string): CgroupHierarchies {
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

export async function findCgroups(): Promise<CgroupHierarchies> {
  return parseCgroupMounts(await readFile('/proc/self/mounts', 'utf8'))
}

export async function createCgroups(hierarchies: CgroupHierarchies): Promise<void> {
  for (const mount of hierarchies.all) {
    if (hierarchies.version === 2) await enableControllers(mount)
    for (const cgroup of [ownName, `${ownName}/pods`]) {
      await mkdir(join(mount, cgroup), { recursive: true })
      if (hierarchies.version === 2) await enableControllers(join(mount, cgroup))
      else if (basename(mount).split(',').includes('cpuset')) await fillCpuset(mount, join(mount, cgroup))
    }
  }
  await mkdir(daemonsDirectory(hierarchies), { recursive: true })
}

/** Moves a process of ours, and all that it starts from then on, into our cgroup. */
export async function joinDaemons(hierarchies: CgroupHierarchies, pid: number): Promise<void> {
  await writeFile(join(daemonsDirectory(hierarchies), 'cgroup.procs'), String(pid))
}

/** Process ids in our cgroups: pods, daemons, shims. */
export async function processesIn(hierarchies: CgroupHierarchies, part: 'daemons' | 'pods'): Promise<number[]> {
  const found: number[] = []
  for (const directory of await tree(join(hierarchies.processes, ownName, part))) {
    const text = await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(absent)
    found.push(...(text ?? '').split('\n').filter(Boolean).map(Number))
  }
  return found
}

/** The directories of ours that exist, children before parents. */
export async function cgroupDirectories(hierarchies: CgroupHierarchies): Promise<string[]> {
  return (await Promise.all(hierarchies.all.map((mount) => tree(join(mount, ownName))))).flat()
}

/** Removes our cgroups; their processes must have ended. */
export async function removeCgroups(hierarchies: CgroupHierarchies): Promise<void> {
  const giveUp = performance.now() + REMOVE_LIMIT_SECONDS * 1000
  for (const directory of await cgroupDirectories(hierarchies)) {
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

function daemonsDirectory(hierarchies: CgroupHierarchies): string {
  return join(hierarchies.processes, ownName, 'daemons')
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
