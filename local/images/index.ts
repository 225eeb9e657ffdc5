/**
 * Makes the images of the local world as archives in the cache, and imports those that containerd does not have yet.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../toolchain/command.ts'
import { type Binaries, catalogue, pauseBinary } from './catalogue.ts'
import { type Image, writeImage } from './oci.ts'

export { type Binaries, images } from './catalogue.ts'

/** A static program that does nothing until it is ended, for an image that only has to run. */
export const idleProgram = (cacheDir: string): Promise<string> => pauseBinary(join(cacheDir, 'debian'))

/** Part of every key: raised when the way in which images are written changes. */
const FORMAT = 2
/** Unpacking the largest, about 180 MB, on a slow disk. */
const IMPORT_SECONDS = 120

export interface Archive {
  readonly reference: string
  /** An OCI layout as a tar, named after its contents. */
  readonly file: string
  /** Of the image's manifest. */
  readonly digest: string
}

/**
 * Makes all images that are not in the cache yet.
 *
 * @param cacheDir archives are kept in `images/` below it
 */
export async function ensureImages(binaries: Binaries, cacheDir: string): Promise<Archive[]> {
  const directory = join(cacheDir, 'images')
  await mkdir(directory, { recursive: true })
  const all = await catalogue(binaries, join(cacheDir, 'debian'))
  return Promise.all(all.map((image) => ensureArchive(image, directory)))
}

/** Imports into containerd's namespace of Kubernetes those archives whose image it does not hold. */
export async function importImages(archives: readonly Archive[], containerdSocket: string): Promise<void> {
  const ctr = (...argv: string[]) =>
    run(['ctr', '--address', containerdSocket, '--namespace', 'k8s.io', 'images', ...argv], {
      timeoutSeconds: IMPORT_SECONDS,
    })
  const present = await ctr('list')
  const isPresent = ({ reference, digest }: Archive) =>
    present.split('\n').some((line) => line.startsWith(`${reference} `) && line.includes(` ${digest} `))
  await Promise.all(archives.filter((archive) => !isPresent(archive)).map(({ file }) => ctr('import', file)))
}

async function ensureArchive(image: Image, directory: string): Promise<Archive> {
  const key = await contentKey(image)
  const name = image.reference.replace(/.*\//, '').replace(':', '-')
  const file = join(directory, `${name}-${key}.tar`)
  const digestFile = `${file}.digest`
  const known = await readFile(digestFile, 'utf8').catch(() => undefined)
  if (known) return { reference: image.reference, file, digest: known }
  const fresh = `${file}.${process.pid}`
  const digest = await writeImage(image, fresh)
  await rename(fresh, file)
  await writeFile(digestFile, digest)
  return { reference: image.reference, file, digest }
}

/**
 * Changes with whatever goes into the image. Size and time stand for a file's contents, since reading 300 MB at every
 * start would take seconds. Unpacked packages never change: their folder's name stands for them.
 */
async function contentKey({ reference, contents, config }: Image): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([FORMAT, reference, contents, config]))
  for (const content of Object.values(contents)) {
    if (!('file' in content)) continue
    const { size, mtimeMs } = await stat(content.file)
    hash.update(`${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex').slice(0, 16)
}
