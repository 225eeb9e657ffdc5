/**
 * Which processes are ours. A process id alone does not say that: it is given to somebody else one day. Its start time
 * (proc(5), `/proc/PID/stat` field 22, ticks since boot) beside it does, until the machine boots again.
 */
import { readFileSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ProcessRecord {
  readonly name: string
  readonly pid: number
  readonly startTime: string
}

/** How often an ending process is looked at. */
const POLL_MILLISECONDS = 20
/** After SIGKILL only the kernel is in the way. */
const KILL_LIMIT_SECONDS = 10

/**
 * Reads a line of `/proc/PID/stat`. The command in it may hold spaces and parentheses; all fields after the last `)`
 * are plain.
 */
export function parseStat(line: string): { state: string; startTime: string } {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const [state, startTime] = [fields[0], fields[22 - 3]]
  if (!state || !startTime) throw new Error(`not a line of /proc/PID/stat: ${line}`)
  return { state, startTime }
}

/** The start time of a process, undefined when it has ended; a zombie has ended, whoever is slow to reap it. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const { state, startTime } = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    return state === 'Z' || state === 'X' ? undefined : startTime
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}

export function isRunning(record: ProcessRecord): boolean {
  return startTimeOf(record.pid) === record.startTime
}

/** Sends a signal to a recorded process, and to no other that got its id since. */
export function signal(record: ProcessRecord, name: NodeJS.Signals): void {
  if (!isRunning(record)) return
  try {
    process.kill(record.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * Ends the processes: SIGTERM, and SIGKILL for those that are still there after `graceSeconds` (0: SIGKILL at once).
 *
 * @throws when one survives SIGKILL, by name and id
 */
export async function endProcesses(records: readonly ProcessRecord[], graceSeconds: number): Promise<void> {
  if (graceSeconds > 0) {
    for (const record of records) signal(record, 'SIGTERM')
    await waitForEnd(records, graceSeconds)
  }
  for (const record of records) signal(record, 'SIGKILL')
  const survivors = await waitForEnd(records, KILL_LIMIT_SECONDS)
  if (survivors.length > 0) {
    const names = survivors.map(({ name, pid }) => `${name} (process ${pid})`).join(', ')
    throw new Error(`${names} did not end within ${KILL_LIMIT_SECONDS} s of SIGKILL: the kernel holds them`)
  }
}

async function waitForEnd(records: readonly ProcessRecord[], limitSeconds: number): Promise<ProcessRecord[]> {
  const giveUp = performance.now() + limitSeconds * 1000
  for (;;) {
    const running = records.filter(isRunning)
    if (running.length === 0 || performance.now() > giveUp) return running
    await sleep(POLL_MILLISECONDS)
  }
}

/** The list of our processes in a file, which is written before the next step is taken. */
export class ProcessTable {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  /** All records, those of ended processes too; empty when nothing was ever started, or the machine booted since. */
  async list(): Promise<ProcessRecord[]> {
    const text = await readFile(this.#file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (text === undefined) return []
    const { boot, processes } = JSON.parse(text) as { boot: string; processes: ProcessRecord[] }
    return boot === (await bootId()) ? processes : []
  }

  /** Records a process that was just started, in place of an older one of that name. */
  async add(record: ProcessRecord): Promise<void> {
    await this.#write([...(await this.list()).filter(({ name }) => name !== record.name), record])
  }

  async #write(processes: ProcessRecord[]): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true })
    const fresh = `${this.#file}.new`
    await writeFile(fresh, `${JSON.stringify({ boot: await bootId(), processes }, null, 2)}\n`)
    await rename(fresh, this.#file)
  }
}

/** Changes at every boot: start times are comparable only within one. */
async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
}
