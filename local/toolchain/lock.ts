/**
 * One at a time across processes: two `npm` commands at once must not build the same tool twice.
 *
 * The lock is SQLite's exclusive lock on an empty file, which the kernel releases when the process ends,
 * however it ends. So no lock is ever stale, and no process id has to be compared.
 */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Stop } from '../steps.ts'

/** SQLITE_BUSY, https://sqlite.org/rescode.html#busy */
const BUSY = 5
const POLL_MILLISECONDS = 200

/**
 * Runs `work` while holding the lock on `file` (made when missing, left empty).
 *
 * @param options.onWait called once when another process holds the lock
 * @param options.limitSeconds how long to wait for the other one
 * @throws Stop when the other one is not done within the limit
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  options: { onWait?: () => void; limitSeconds: number },
): Promise<T> {
  await mkdir(dirname(file), { recursive: true })
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    const giveUp = performance.now() + options.limitSeconds * 1000
    for (let waited = false; !tryLock(database); waited = true) {
      if (!waited) options.onWait?.()
      if (performance.now() > giveUp) {
        throw new Stop(
          `Waited ${options.limitSeconds} s for another run that holds ${file}; see what it does, and try again`,
        )
      }
      await sleep(POLL_MILLISECONDS)
    }
    return await work()
  } finally {
    database.close()
  }
}

function tryLock(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === BUSY) return false
    throw error
  }
}
