/** Lists whatever of the cluster is still on the machine: after a stop, nothing. */
import { access, readFile } from 'node:fs/promises'
import { cgroupDirectories, findCgroups, processesIn } from './cgroups.ts'
import { mountsBelow } from './clean.ts'
import { processesFile } from './daemons.ts'
import { layoutOf } from './layout.ts'
import { nodeFiles } from './node-files.ts'
import { isRunning, ProcessTable } from './process-table.ts'
import { sysctlsFile } from './sysctls.ts'

/** @returns one line for each process, mount, cgroup, namespace, changed kernel parameter and file that is left */
export async function leftovers(stateDir: string): Promise<string[]> {
  const layout = layoutOf(stateDir)
  const cgroups = await findCgroups(layout)
  const recorded = (await new ProcessTable(processesFile(layout)).list()).filter(isRunning)
  const inCgroups = [...(await processesIn(cgroups, 'daemons')), ...(await processesIn(cgroups, 'pods'))]
  const unrecorded = inCgroups.filter((pid) => !recorded.some((record) => record.pid === pid))
  return [
    ...recorded.map(({ name, pid }) => `process ${pid} (${name})`),
    ...unrecorded.map((pid) => `process ${pid} in a cgroup of ours`),
    ...mountsBelow(await readFile('/proc/self/mounts', 'utf8'), layout.root).map((point) => `mount ${point}`),
    ...(await cgroupDirectories(cgroups)).map((directory) => `cgroup ${directory}`),
    ...(await nodeFiles(layout)).map((file) => `file ${file}`),
    ...((await exists(layout.networkNamespace)) ? [`network namespace ${layout.networkNamespace}`] : []),
    ...((await exists(sysctlsFile(layout)))
      ? [`changed kernel parameters, to be put back from ${sysctlsFile(layout)}`]
      : []),
  ]
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
