/**
 * Writes an OCI image layout as one tar, without a container builder: one layer, uncompressed, since it travels no
 * further than this machine. The same input gives the same bytes, so the digest tells whether an image has changed.
 *
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { lstat, readdir, readlink, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Header, type Pack, pack } from 'tar-stream'

/** What an image holds: a path inside (absolute) to a file or folder of this machine, to text, or to a link's target. */
export type Content = { file: string } | { directory: string } | { text: string } | { link: string }

export interface ImageConfig {
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly user: string
  readonly path?: string
  readonly workingDirectory?: string
}

export interface Image {
  /** As containerd writes it: with host and tag. */
  readonly reference: string
  readonly contents: Readonly<Record<string, Content>>
  readonly config: ImageConfig
}

const MEDIA_TYPE = 'application/vnd.oci.image'
const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' }
/** Everyone may read and run what is in an image: its processes run as users that own nothing. */
const FILE_MODE = 0o755
const WRITABLE_MODE = 0o1777

/**
 * Writes the image to `archive`.
 *
 * @returns the digest of its manifest, `sha256:...`
 */
export async function writeImage({ reference, contents, config }: Image, archive: string): Promise<string> {
  const layerFile = `${archive}.layer`
  try {
    await writeTar(layerFile, (tar) => addContents(tar, contents))
    const layer = { digest: await digestOfFile(layerFile), size: (await stat(layerFile)).size }
    const configBlob = blobOf({
      architecture: architectures[process.arch] ?? process.arch,
      os: 'linux',
      config: {
        ...(config.entrypoint && { Entrypoint: config.entrypoint }),
        ...(config.command && { Cmd: config.command }),
        User: config.user,
        WorkingDir: config.workingDirectory ?? '/',
        Env: [`PATH=${config.path ?? '/usr/local/bin:/usr/bin:/bin'}`],
      },
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
      history: [{ created_by: 'local/images' }],
    })
    const manifest = blobOf({
      schemaVersion: 2,
      mediaType: `${MEDIA_TYPE}.manifest.v1+json`,
      config: { mediaType: `${MEDIA_TYPE}.config.v1+json`, digest: configBlob.digest, size: configBlob.size },
      layers: [{ mediaType: `${MEDIA_TYPE}.layer.v1.tar`, ...layer }],
    })
    const index = {
      schemaVersion: 2,
      manifests: [
        {
          mediaType: `${MEDIA_TYPE}.manifest.v1+json`,
          digest: manifest.digest,
          size: manifest.size,
          annotations: { 'io.containerd.image.name': reference, 'org.opencontainers.image.ref.name': reference },
        },
      ],
    }
    await writeTar(archive, async (tar) => {
      await addText(tar, 'oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }))
      await addText(tar, 'index.json', JSON.stringify(index))
      await addText(tar, blobPath(manifest.digest), manifest.text)
      await addText(tar, blobPath(configBlob.digest), configBlob.text)
      await addFile(tar, blobPath(layer.digest), layerFile, 0o644)
    })
    return manifest.digest
  } finally {
    await rm(layerFile, { force: true })
  }
}

async function addContents(tar: Pack, contents: Image['contents']): Promise<void> {
  await addEntry(tar, { name: 'tmp/', type: 'directory', mode: WRITABLE_MODE })
  for (const [path, content] of Object.entries(contents).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = path.replace(/^\//, '')
    if ('file' in content) await addFile(tar, name, content.file, FILE_MODE)
    else if ('text' in content) await addText(tar, name, content.text)
    else if ('link' in content) await addEntry(tar, { name, type: 'symlink', linkname: content.link })
    else await addDirectory(tar, name, content.directory)
  }
}

async function addDirectory(tar: Pack, name: string, directory: string): Promise<void> {
  const entries = (await readdir(directory)).sort()
  for (const entry of entries) {
    const source = join(directory, entry)
    const target = name ? `${name}/${entry}` : entry
    const status = await lstat(source)
    if (status.isDirectory()) {
      await addEntry(tar, { name: `${target}/`, type: 'directory', mode: FILE_MODE })
      await addDirectory(tar, target, source)
    } else if (status.isSymbolicLink()) {
      await addEntry(tar, { name: target, type: 'symlink', linkname: await readlink(source) })
    } else if (status.isFile()) {
      await addFile(tar, target, source, status.mode & 0o111 ? FILE_MODE : 0o644)
    }
  }
}

/** Owner and time are the same for all, whoever builds and whenever. */
const constant = { uid: 0, gid: 0, mtime: new Date(0) }

function addText(tar: Pack, name: string, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  tar.entry({ ...constant, name, mode: 0o644 }, text, (error) => (error ? reject(error) : resolve()))
  return promise
}

function addEntry(tar: Pack, header: Pick<Header, 'name'> & Partial<Header>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  tar.entry({ ...constant, ...header }, '', (error) => (error ? reject(error) : resolve()))
  return promise
}

async function addFile(tar: Pack, name: string, file: string, mode: number): Promise<void> {
  const { size } = await stat(file)
  await pipeline(createReadStream(file), tar.entry({ ...constant, name, size, mode }))
}

async function writeTar(file: string, fill: (tar: Pack) => Promise<void>): Promise<void> {
  const tar = pack()
  const written = pipeline(tar, createWriteStream(file))
  await Promise.all([fill(tar).then(() => tar.finalize()), written])
}

function blobOf(value: object): { text: string; digest: string; size: number } {
  const text = JSON.stringify(value)
  return { text, digest: `sha256:${createHash('sha256').update(text).digest('hex')}`, size: Buffer.byteLength(text) }
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`
}

async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return `sha256:${hash.digest('hex')}`
}
