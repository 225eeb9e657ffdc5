import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { extract, type Header } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Image, writeImage } from './oci.ts'

let directory: string
let image: Image

/** The entries of a tar by name. */
async function entriesOf(source: Readable): Promise<Record<string, { header: Header; content: Buffer }>> {
  const entries: Record<string, { header: Header; content: Buffer }> = {}
  for await (const entry of source.pipe(extract())) {
    entries[entry.header.name] = { header: entry.header, content: await buffer(entry) }
  }
  return entries
}

afterAll(() => rm(directory, { recursive: true }))

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'oci-'))
  const tree = join(directory, 'tree')
  await mkdir(join(tree, 'usr/lib'), { recursive: true })
  await writeFile(join(tree, 'usr/lib/libc.so.6'), 'library')
  await symlink('usr/lib', join(tree, 'lib'))
  await writeFile(join(directory, 'program'), 'machine code')
  image = {
    reference: 'docker.io/local/test:1',
    contents: {
      '/': { directory: tree },
      '/bin/program': { file: join(directory, 'program') },
      '/etc/passwd': { text: 'root:x:0:0::/:/none\n' },
    },
    config: { entrypoint: ['/bin/program'], command: ['serve'], user: '65532:65532' },
  }
})

describe('writeImage', () => {
  it('writes a layout in which every blob has the digest that it is referred to by', async () => {
    const archive = join(directory, 'image.tar')
    const digest = await writeImage(image, archive)
    const entries = await entriesOf(createReadStream(archive))
    const blobs = Object.entries(entries).filter(([name]) => name.startsWith('blobs/sha256/'))
    expect(blobs).toHaveLength(3)
    for (const [name, { content }] of blobs) {
      expect(name).toBe(`blobs/sha256/${createHash('sha256').update(content).digest('hex')}`)
    }

    const json = (name: string) => JSON.parse(String(entries[name]?.content))
    const blob = (reference: string) => `blobs/${reference.replace(':', '/')}`
    const [described] = json('index.json').manifests
    expect(described.digest).toBe(digest)
    expect(described.annotations['io.containerd.image.name']).toBe('docker.io/local/test:1')
    const manifest = json(blob(digest))
    const config = json(blob(manifest.config.digest))
    expect(config.config).toMatchObject({ Entrypoint: ['/bin/program'], Cmd: ['serve'], User: '65532:65532' })
    expect(config.rootfs.diff_ids).toEqual([manifest.layers[0].digest])

    const layer = await entriesOf(Readable.from([entries[blob(manifest.layers[0].digest)]?.content]))
    expect(Object.keys(layer).sort()).toEqual([
      'bin/program',
      'etc/passwd',
      'lib',
      'tmp/',
      'usr/',
      'usr/lib/',
      'usr/lib/libc.so.6',
    ])
    expect(layer.lib?.header).toMatchObject({ type: 'symlink', linkname: 'usr/lib' })
    expect(layer['tmp/']?.header.mode).toBe(0o1777)
    expect(layer['bin/program']?.header).toMatchObject({ mode: 0o755, uid: 0, gid: 0 })
  })

  it('gives the same bytes for the same contents, whenever and by whomever they were written', async () => {
    const [first, second] = [join(directory, 'first.tar'), join(directory, 'second.tar')]
    await writeImage(image, first)
    await utimes(join(directory, 'program'), new Date(0), new Date(0))
    await chmod(join(directory, 'program'), 0o700)
    await writeImage(image, second)
    expect((await readFile(first)).equals(await readFile(second))).toBe(true)
  })
})
