/** What a registry has stored, as files of a volume, or of an S3 server's. */
import { existsSync } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A volume gives everything back in less than a second. */
const LOOK_EVERY_MS = 2

/** Bytes of all files below a folder, in which others may delete meanwhile. */
export async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const sizes = entries.map((entry) => {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) return bytesIn(path)
    return lstat(path).then(
      ({ size }) => size,
      () => 0,
    )
  })
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

/** The files of those blobs that are there, below any of these folders. */
export function blobFiles(roots: readonly string[], digests: readonly string[]): string[] {
  return digests.flatMap((digest) => {
    const hex = digest.replace('sha256:', '')
    const files = roots.map((root) => join(root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data'))
    return files.filter((file) => existsSync(file))
  })
}

/** Of files that a collector deletes in no order, some that are far apart: watching all of them would take too long. */
const someOf = (files: readonly string[]) => files.filter((_, index) => index % 30 === 0)

/**
 * Waits until some of these files are gone: the collector is then half-way.
 * @throws Error if it ended before
 */
export async function untilHalfWay(files: readonly string[], ended: () => boolean): Promise<void> {
  const watched = someOf(files)
  while (watched.filter((file) => !existsSync(file)).length < watched.length / 10) {
    if (ended()) throw new Error('the collector ended before it could be killed')
    await sleep(LOOK_EVERY_MS)
  }
}
