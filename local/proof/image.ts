/** A container image made of nothing: an OCI image layout, ready for any client to push. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const TAR_BLOCK_BYTES = 512
const TAR_TYPE_FILE = '0'

const mediaTypes = {
  config: 'application/vnd.oci.image.config.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
}

/** A content descriptor of the OCI image specification. */
interface Descriptor {
  mediaType: string
  digest: string
  size: number
}

/**
 * Makes an image of random layers, each a real archive with one file, so that clients can unpack it too.
 * @param layers how many
 * @param bytes all of them together, about; random bytes do not compress
 * @returns the folder of the layout, a new one each time, with one image tagged `latest`; the caller deletes it
 */
export async function makeImage({ layers, bytes }: { layers: number; bytes: number }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'image-'))
  await mkdir(join(dir, 'blobs', 'sha256'), { recursive: true })
  const blob = async (mediaType: string, content: Buffer): Promise<Descriptor> => {
    const hash = sha256(content)
    await writeFile(join(dir, 'blobs', 'sha256', hash), content)
    return { mediaType, digest: `sha256:${hash}`, size: content.length }
  }
  const archives = Array.from({ length: layers }, (_, index) =>
    tar(`layer-${index}`, randomBytes(Math.ceil(bytes / layers))),
  )
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: archives.map((archive) => `sha256:${sha256(archive)}`) },
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: await blob(mediaTypes.config, json(config)),
    layers: await Promise.all(archives.map((archive) => blob(mediaTypes.layer, gzipSync(archive, { level: 1 })))),
  }
  const described = await blob(mediaTypes.manifest, json(manifest))
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [{ ...described, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }],
  }
  await writeFile(join(dir, 'index.json'), json(index))
  await writeFile(join(dir, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
  return dir
}

/** The digest of the first image in an OCI layout: equal digests mean equal images, layer by layer. */
export async function manifestDigest(layout: string): Promise<string> {
  const { manifests } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as { manifests: Descriptor[] }
  const [first] = manifests
  if (first === undefined) throw new Error(`${layout} holds no image`)
  return first.digest
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex')

/** A tar archive (POSIX.1-1988 ustar) with one file. */
function tar(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(TAR_BLOCK_BYTES)
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`
  const write = (text: string, offset: number) => header.write(text, offset, 'latin1')
  write(name, 0)
  write(octal(0o644, 8), 100)
  write(octal(0, 8), 108)
  write(octal(0, 8), 116)
  write(octal(content.length, 12), 124)
  write(octal(0, 12), 136)
  write(' '.repeat(8), 148) // the checksum counts itself as spaces
  write(TAR_TYPE_FILE, 156)
  write('ustar\x0000', 257)
  write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    )} `,
    148,
  )
  const padding = Buffer.alloc((TAR_BLOCK_BYTES - (content.length % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES)
  return Buffer.concat([header, content, padding, Buffer.alloc(2 * TAR_BLOCK_BYTES)])
}
