/**
 * Writes OCI image layouts, without a container builder: tar packs, this file describes. The same contents give the
 * same bytes, so the digest tells whether an image has changed. crane could do it too, but sets an entrypoint only on
 * images in a registry.
 *
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { gzipSync } from 'node:zlib'
import { run } from '../toolchain/command.ts'

/**
 * What an image holds: a path inside (absolute) to a file or folder of this machine, to text, or to a link's target.
 */
export type Content = { file: string } | { directory: string } | { text: string } | { link: string }

export interface ImageConfig {
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly user: string
}

export interface Image {
  /** As containerd writes it: with host and tag. */
  readonly reference: string
  readonly contents: Readonly<Record<string, Content>>
  readonly config: ImageConfig
}

const MEDIA_TYPE = 'application/vnd.oci.image'
const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' }
/** Packing the largest, about 180 MB, on a slow disk. */
const PACK = { timeoutSeconds: 120, environment: { LC_ALL: 'C' } }
const PROGRAM_MODE = 0o755
const WRITABLE_MODE = 0o1777

/**
 * Writes the image to `archive`, a tar of its layout, with one layer, uncompressed: it travels no further than this
 * machine.
 *
 * @returns the digest of its manifest, `sha256:...`
 */
export async function writeImage({ reference, contents, config }: Image, archive: string): Promise<string> {
  const work = await mkdtemp(`${archive}.work-`)
  const [root, layout, layer] = [join(work, 'root'), join(work, 'layout'), join(work, 'layer.tar')]
  try {
    await stage(contents, root)
    await pack(layer, root)
    const digest = await writeLayout(layout, {
      layers: [layer],
      gzip: false,
      annotations: { 'io.containerd.image.name': reference, 'org.opencontainers.image.ref.name': reference },
      config: {
        ...(config.entrypoint && { Entrypoint: config.entrypoint }),
        ...(config.command && { Cmd: config.command }),
        User: config.user,
        WorkingDir: '/',
        Env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
      },
    })
    await pack(archive, layout)
    return digest
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

export interface Layout {
  /** Tar files, which are moved into the layout. */
  readonly layers: readonly string[]
  readonly gzip: boolean
  readonly config: object
  readonly annotations: Readonly<Record<string, string>>
}

/**
 * Writes a layout folder with one image.
 *
 * @returns the digest of its manifest
 */
export async function writeLayout(directory: string, { layers, gzip, config, annotations }: Layout): Promise<string> {
  const blobs = join(directory, 'blobs', 'sha256')
  await mkdir(blobs, { recursive: true })
  const keep = async (mediaType: string, file: string) => {
    const digest = await digestOf(file)
    const { size } = await stat(file)
    await rename(file, join(blobs, digest.replace('sha256:', '')))
    return { mediaType: `${MEDIA_TYPE}.${mediaType}`, digest, size }
  }
  const keepJson = async (mediaType: string, value: object) => {
    const file = join(directory, 'new.json')
    await writeFile(file, JSON.stringify(value))
    return keep(mediaType, file)
  }
  const diffIds: string[] = []
  const kept: object[] = []
  for (const layer of layers) {
    diffIds.push(await digestOf(layer))
    if (gzip) await writeFile(layer, gzipSync(await readFile(layer), { level: 1 }))
    kept.push(await keep(gzip ? 'layer.v1.tar+gzip' : 'layer.v1.tar', layer))
  }
  const configBlob = await keepJson('config.v1+json', {
    architecture: architectures[process.arch] ?? process.arch,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: layers.map(() => ({ created_by: 'local/images' })),
  })
  const manifest = await keepJson('manifest.v1+json', {
    schemaVersion: 2,
    mediaType: `${MEDIA_TYPE}.manifest.v1+json`,
    config: configBlob,
    layers: kept,
  })
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] }
  await writeFile(join(directory, 'index.json'), JSON.stringify(index))
  await writeFile(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  return manifest.digest
}

/**
 * Puts the contents into a folder. Everyone may read and run them: an image's processes run as users that own nothing.
 */
async function stage(contents: Image['contents'], root: string): Promise<void> {
  await mkdir(join(root, 'tmp'), { recursive: true })
  for (const [path, content] of Object.entries(contents).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const target = join(root, path)
    await mkdir(dirname(target), { recursive: true })
    if ('directory' in content) {
      await cp(content.directory, target, { recursive: true, verbatimSymlinks: true })
      continue
    }
    // What a folder brought by that name, a link above all, gives way.
    await rm(target, { force: true })
    if ('text' in content) await writeFile(target, content.text)
    else if ('link' in content) await symlink(content.link, target)
    else {
      await copyFile(content.file, target)
      await chmod(target, PROGRAM_MODE)
    }
  }
  await run(['chmod', '-R', 'u=rwX,go=rX', root], PACK)
  await chmod(join(root, 'tmp'), WRITABLE_MODE)
}

/** All that is in the folder; owner, time and order are the same, whoever packs and whenever (GNU tar). */
async function pack(file: string, directory: string): Promise<void> {
  const constant = ['--format=gnu', '--sort=name', '--mtime=@0', '--numeric-owner', '--owner=0', '--group=0']
  const names = (await readdir(directory)).sort()
  await run(['tar', '--create', `--file=${file}`, `--directory=${directory}`, ...constant, ...names], PACK)
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return `sha256:${hash.digest('hex')}`
}
