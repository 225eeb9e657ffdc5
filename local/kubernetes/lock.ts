/** Only one command at a time may change the local world. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Stop } from '../steps.ts'
import { withLock } from '../toolchain/lock.ts'

/**
 * Makes the state directory and runs `work`, unless another process is changing the world of `stateDir`; the kernel
 * lets go of the lock however its holder ends.
 *
 * @param command what the other one shows as the holder, such as `npm run up`
 * @throws Stop naming the process that is at work
 */
export async function withWorldLock<T>(stateDir: string, command: string, work: () => Promise<T>): Promise<T> {
  // Keys and world-writable volumes are below it: only root may enter.
  await mkdir(stateDir, { recursive: true })
  await chmod(stateDir, 0o700)
  const holderFile = join(stateDir, 'lock-holder')
  const holder = await readFile(holderFile, 'utf8').catch(() => 'another process')
  return withLock(
    join(stateDir, 'lock'),
    async () => {
      await writeFile(holderFile, `${command} (process ${process.pid})`)
      return work()
    },
    {
      limitSeconds: 0,
      onWait: () => {
        throw new Stop(
          `${holder} is changing the local world right now. Wait until it is done, or end it, and try again.`,
        )
      },
    },
  )
}
