/**
 * Takes the cluster away, whatever state it is in: after an orderly run, a crash, or a start that was cut off. What is
 * ours is known by record (process ids with start times), by name (cgroups) and by place (everything else is below the
 * state directory).
 */
import { readFile, rm } from 'node:fs/promises'
import { run } from '../toolchain/command.ts'
import { findCgroups, processesIn, removeCgroups } from './cgroups.ts'
import { processesFile } from './daemons.ts'
import type { Layout } from './layout.ts'
import { removeNodeFiles } from './node-files.ts'
import { endProcesses, type ProcessRecord, ProcessTable, startTimeOf } from './process-table.ts'
import { restoreSysctls } from './sysctls.ts'

/** For a process to write down what it must. */
const GRACE_SECONDS = 5
/** Processes that are being forked while others are killed: looked for again so many times. */
const KILL_ROUNDS = 5
const COMMAND_LIMIT = { timeoutSeconds: 10 }
/** These write data that a next start goes on with; of all others nothing is lost when they end at once. */
const writesData = ['etcd', 'containerd']

/**
 * Ends all processes of the cluster and undoes what it did to the machine.
 *
 * @param options.keepData keeps certificates, etcd, images and volumes for the next start
 */
export async function cleanUp(layout: Layout, { keepData }: { keepData: boolean }): Promise<void> {
  const graceSeconds = keepData ? GRACE_SECONDS : 0
  const records = await new ProcessTable(processesFile(layout)).list()
  const cgroups = await findCgroups(layout)
  // First what would restart pods, then the pods, then what they need.
  await endProcesses(
    records.filter(({ name }) => !writesData.includes(name)),
    0,
  )
  await endAll(() => processesIn(cgroups, 'pods'), graceSeconds)
  await endProcesses(records, graceSeconds)
  await endAll(() => processesIn(cgroups, 'daemons'), 0)
  await unmountBelow(layout.root)
  await removeCgroups(cgroups)
  await restoreSysctls(layout)
  await removeNodeFiles(layout)
  await rm(layout.run, { recursive: true, force: true })
  if (keepData) return
  await rm(layout.root, { recursive: true, force: true })
  await rm(layout.kubeconfig, { force: true })
}

/** Ends processes that are only known by the cgroup they are in. */
async function endAll(find: () => Promise<number[]>, graceSeconds: number): Promise<void> {
  for (let round = 0; round < KILL_ROUNDS; round++) {
    const records = (await find()).flatMap((pid): ProcessRecord[] => {
      const startTime = startTimeOf(pid)
      return startTime === undefined ? [] : [{ name: 'a process of the cluster', pid, startTime }]
    })
    if (records.length === 0) return
    await endProcesses(records, round === 0 ? graceSeconds : 0)
  }
}

/** @returns the mount points below `directory` in the text of `/proc/self/mounts`, the innermost first */
export function mountsBelow(mounts: string, directory: string): string[] {
  const points = mounts.split('\n').map((line) => unescapeOctal(line.split(' ')[1] ?? ''))
  return points.filter((point) => point.startsWith(`${directory}/`)).reverse()
}

/** The kernel writes white space and backslashes in paths as octal (proc(5)). */
function unescapeOctal(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

async function unmountBelow(directory: string): Promise<void> {
  const points = mountsBelow(await readFile('/proc/self/mounts', 'utf8'), directory)
  for (const point of points) {
    // A mount that the kernel still holds busy goes when its last user does.
    await run(['umount', point], COMMAND_LIMIT).catch(() => run(['umount', '--lazy', point], COMMAND_LIMIT))
  }
}
