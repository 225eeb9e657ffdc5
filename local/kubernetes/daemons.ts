/** Starts processes that outlive the one that started them, and remembers them. */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Cgroups, joinDaemons } from './cgroups.ts'
import type { Layout } from './layout.ts'
import { ProcessTable, startTimeOf } from './process-table.ts'

/**
 * All that our processes see of the environment: no proxy settings, which client-go would follow, and the folders of
 * runc and nft, which a user's PATH may lack.
 */
const environment = { PATH: `${process.env.PATH}:/usr/sbin:/usr/bin:/sbin:/bin`, LANG: 'C.UTF-8' }

/** How much of a failed process's log an error repeats. */
const TAIL_LINES = 8

export class Daemons {
  readonly table: ProcessTable
  readonly #layout: Layout
  readonly #cgroups: Cgroups | undefined

  /** @param cgroups those that what is started joins; none where there is only a forwarder, which has no children */
  constructor(layout: Layout, cgroups?: Cgroups) {
    this.table = new ProcessTable(processesFile(layout))
    this.#layout = layout
    this.#cgroups = cgroups
  }

  /**
   * Starts a process detached, its output in `logs/NAME.log`.
   *
   * @param argv the command line; must not hold a secret
   */
  async start(name: string, argv: readonly [string, ...string[]]): Promise<void> {
    await mkdir(this.#layout.logs, { recursive: true })
    const log = openSync(logFile(this.#layout, name), 'w', 0o600)
    const [file, ...args] = argv
    const child = spawn(file, args, { detached: true, env: environment, cwd: '/', stdio: ['ignore', log, log] })
    closeSync(log)
    const { promise: failed, reject } = Promise.withResolvers<never>()
    child.once('error', (cause) => reject(new Error(`${name} cannot be started: ${cause.message}`, { cause })))
    if (child.pid === undefined) return failed
    if (this.#cgroups) await joinDaemons(this.#cgroups, child.pid)
    const startTime = startTimeOf(child.pid)
    if (startTime === undefined) throw new Error(await this.explain(name))
    await this.table.add({ name, pid: child.pid, startTime })
    child.unref()
  }

  /** Starts a process inside the cluster's network namespace. Not by `ip netns exec`, which would hide the cgroups. */
  startInside(name: string, argv: readonly [string, ...string[]]): Promise<void> {
    return this.start(name, ['nsenter', `--net=${this.#layout.networkNamespace}`, ...argv])
  }

  /** A sentence about a process that has ended, with the end of its log. */
  async explain(name: string): Promise<string> {
    const file = logFile(this.#layout, name)
    const lines = (await readFile(file, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-TAIL_LINES)
    return `${name} has ended. The end of ${file}:\n${lines.join('\n')}`
  }
}

export function processesFile(layout: Layout): string {
  return join(layout.run, 'processes.json')
}

function logFile(layout: Layout, name: string): string {
  return join(layout.logs, `${name}.log`)
}
