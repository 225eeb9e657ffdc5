/** The registry's own garbage collector, as a process of the clean-up's pod, killed half-way. */
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { startTimeOf } from '../../local/kubernetes/process-table.ts'
import { stateDir } from '../../local/paths.ts'
import { untilHalfWay } from '../engine/registry-files.ts'

const LOOK_EVERY_MS = 5

/** In the world's own control groups alone: others on this machine may collect garbage too. */
async function findCollector(): Promise<number | undefined> {
  const { cgroup } = layoutOf(stateDir)
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
    if (!(await read('cmdline')).startsWith('registry\0garbage-collect\0')) continue
    if ((await read('cgroup')).includes(cgroup)) return Number(pid)
  }
  return undefined
}

/**
 * Waits for the collector, and kills it as soon as it has deleted some of these files, as the kernel does where memory
 * is short.
 * @param stopped says that it will no longer come
 * @throws Error if it ended first
 */
export async function killHalfWay(files: readonly string[], stopped: () => boolean): Promise<void> {
  let found: number | undefined
  for (; found === undefined; found = await findCollector()) {
    if (stopped()) throw new Error('the clean-up ended before it collected anything')
    await sleep(LOOK_EVERY_MS)
  }
  const pid = found
  await untilHalfWay(files, () => startTimeOf(pid) === undefined)
  process.kill(pid, 'SIGKILL')
}
