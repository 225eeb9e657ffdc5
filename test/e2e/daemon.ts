/** A server that a client of the tests needs, as a process with a folder of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Seconds until it answers. */
const START_LIMIT_SECONDS = 30

/**
 * Starts it and waits until it answers.
 * @param folder its own; goes with it
 * @param isUp asks it whether it answers
 * @returns ends it
 * @throws Error with what it said, if it ends or does not answer in time
 */
export async function startDaemon(
  [command, ...args]: readonly [string, ...string[]],
  folder: string,
  isUp: () => Promise<boolean>,
): Promise<() => Promise<void>> {
  const logFile = join(folder, 'log')
  const log = await open(logFile, 'w')
  const daemon = spawn(command, args, { stdio: ['ignore', log.fd, log.fd] })
  const ended = once(daemon, 'exit')
  const end = async () => {
    if (daemon.exitCode === null) {
      daemon.kill('SIGTERM')
      await ended
    }
    await log.close()
    await rm(folder, { recursive: true, force: true })
  }
  const giveUp = performance.now() + START_LIMIT_SECONDS * 1000
  while (!(await isUp())) {
    if (daemon.exitCode !== null || performance.now() > giveUp) {
      const said = await readFile(logFile, 'utf8')
      await end()
      throw new Error(`${basename(command)} does not answer; it said:\n${said}`)
    }
    await sleep(200)
  }
  return end
}
