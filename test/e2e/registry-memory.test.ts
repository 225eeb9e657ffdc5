/**
 * What the registry's process holds in memory while many push at once. The page cache of what it writes is the node's.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { currentStorage } from '../../local/world/pulumi.ts'
import { layer, push } from '../bytes/layer.ts'
import { jobToken, registry } from './job.ts'
import { askToken, job } from './token-client.ts'

const NAME = 'acme/memory'
const PUSHES = 30
const LAYER_PIECES = 16
/** On a bucket each upload holds parts of 5 MiB, which is the least that S3 takes. */
const LIMIT_KIB = (currentStorage() === 's3' ? 800 : 64) * 1024
/** proc(5): sets the peak of the resident memory back to what is resident now. */
const RESET_PEAK = '5'

/** The processes that serve images, one for each replica. */
async function registryProcesses(): Promise<string[]> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(processes.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return processes.filter((_, index) => /^registry\0serve\0\/etc\/distribution\//.test(commands[index] ?? ''))
}

/** In KiB, as the kernel counts it. */
async function peakOf(pid: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1])
}

it(`stays within ${LIMIT_KIB / 1024} MiB for ${PUSHES} pushes at once`, async () => {
  const jwt = await jobToken('github', NAME)
  const { token } = await askToken(job(jwt), [`repository:${NAME}:pull,push`])
  const layers = Array.from({ length: PUSHES }, (_, number) => layer(LAYER_PIECES, number))
  const pids = await registryProcesses()
  expect(pids).not.toEqual([])
  for (const pid of pids) await writeFile(`/proc/${pid}/clear_refs`, RESET_PEAK)
  await Promise.all(layers.map((each) => push({ registry, name: NAME, token }, each)))
  const peaks = await Promise.all(pids.map(peakOf))
  console.log(`peak of the registry's resident memory: ${peaks.map((peak) => (peak / 1024).toFixed(1)).join(', ')} MiB`)
  expect(Math.max(...peaks)).toBeLessThanOrEqual(LIMIT_KIB)
})
