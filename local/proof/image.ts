/** A container image made of nothing: an OCI image layout, ready for any client to push. */
import { randomBytes } from 'node:crypto'
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeLayout } from '../images/oci.ts'
import { run } from '../toolchain/command.ts'

const PACK_SECONDS = 60
const PROGRAM = 'program'

interface Contents {
  /** How many layers of random bytes. */
  layers: number
  /** All of them together, about; random bytes do not compress. */
  bytes: number
  /** A static program for one more layer, which the image then runs. */
  program?: string
}

/**
 * Makes an image of random layers, each a real archive with one file, so that clients can unpack it too.
 * @returns the folder of the layout, a new one each time, with one image tagged `latest`; the caller deletes it
 */
export async function makeImage({ layers, bytes, program }: Contents): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'image-'))
  const archives: string[] = []
  for (let index = 0; index < layers; index++) {
    const name = `layer-${index}`
    const file = join(directory, name)
    await writeFile(file, randomBytes(Math.ceil(bytes / layers)), { mode: 0o644 })
    await run(['tar', '-cf', `${file}.tar`, '-C', directory, name], { timeoutSeconds: PACK_SECONDS })
    await rm(file)
    archives.push(`${file}.tar`)
  }
  if (program !== undefined) {
    const file = join(directory, PROGRAM)
    await copyFile(program, file)
    await chmod(file, 0o755)
    await run(['tar', '-cf', `${file}.tar`, '-C', directory, PROGRAM], { timeoutSeconds: PACK_SECONDS })
    await rm(file)
    archives.push(`${file}.tar`)
  }
  const config = program === undefined ? {} : { Entrypoint: [`/${PROGRAM}`, '-P'], User: '65532:65532' }
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' }
  await writeLayout(directory, { layers: archives, gzip: true, config, annotations })
  return directory
}

/** The digest of the first image in an OCI layout: equal digests mean equal images, layer by layer. */
export async function manifestDigest(layout: string): Promise<string> {
  const { manifests } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as {
    manifests: { digest: string }[]
  }
  const [first] = manifests
  if (first === undefined) throw new Error(`${layout} does not contain an image`)
  return first.digest
}
