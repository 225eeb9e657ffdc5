import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheDir, stateDir } from '../paths.ts'
import { Stop } from '../steps.ts'

const MEBIBYTE = 1024 * 1024

/** Images, their unpacked layers, volumes and etcd of a new world; measured 1.9 GiB. */
const NEW_WORLD_MIB = 3072
/** For a world that exists already. */
const OLD_WORLD_MIB = 256
/** Tools, images and the Python environment, where the machine has none yet; measured 1 GiB. */
const NEW_CACHE_MIB = 2048

/** Makes sure that the local world fits on the disk. @throws Stop as {@link assertDiskSpace} */
export async function assertDiskSpaceForWorld(): Promise<void> {
  await assertDiskSpace(
    stateDir,
    existsSync(join(stateDir, 'kubernetes')) ? OLD_WORLD_MIB : NEW_WORLD_MIB,
    'The local world',
  )
  if (!existsSync(join(cacheDir, 'tools')))
    await assertDiskSpace(cacheDir, NEW_CACHE_MIB, 'What is built or downloaded')
}

/**
 * Checks a folder's disk before anything is written to it: a disk that fills up half-way leads to errors that name
 * something else.
 *
 * @param purpose as the message names it
 * @throws Stop naming the folder, the free space and what is needed
 */
export async function assertDiskSpace(folder: string, neededMiB: number, purpose: string): Promise<void> {
  let existing = folder
  while (!existsSync(existing)) existing = dirname(existing)
  const { bavail, bsize } = await statfs(existing)
  const freeMiB = Math.floor((bavail * bsize) / MEBIBYTE)
  if (freeMiB >= neededMiB) return
  throw new Stop(
    `${purpose} needs ${neededMiB} MiB in ${folder}, but its disk has ${freeMiB} MiB left.\n` +
      'Free some space there and run this again; nothing was started.',
  )
}
