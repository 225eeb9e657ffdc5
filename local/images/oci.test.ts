import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Image, writeImage } from './oci.ts'

let directory: string
let image: Image

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'oci-'))
  const tree = join(directory, 'tree')
  await mkdir(join(tree, 'usr/lib'), { recursive: true })
  await writeFile(join(tree, 'usr/lib/libc.so.6'), 'library')
  await writeFile(join(tree, 'usr/lib/secret'), 'unreadable', { mode: 0o600 })
  await symlink('usr/lib', join(tree, 'lib'))
  await symlink('python3.0', join(tree, 'usr/lib/python3'))
  await writeFile(join(directory, 'program'), 'machine code')
  image = {
    reference: 'docker.io/local/test:1',
    contents: {
      '/': { directory: tree },
      '/bin/program': { file: join(directory, 'program') },
      '/etc/passwd': { text: 'root:x:0:0::/:/none\n' },
      '/usr/lib/python3': { link: 'python3.11' },
    },
    config: { entrypoint: ['/bin/program'], command: ['serve'], user: '65532:65532' },
  }
})
afterAll(() => rm(directory, { recursive: true }))

describe('writeImage', () => {
  it('writes a layout in which every blob has the digest that it is referred to by', async () => {
    const archive = join(directory, 'image.tar')
    const digest = await writeImage(image, archive)
    const layout = join(directory, 'layout')
    await mkdir(layout)
    execFileSync('tar', ['-xf', archive, '-C', layout])
    expect((await readdir(layout)).sort()).toEqual(['blobs', 'index.json', 'oci-layout'])
    const blobs = join(layout, 'blobs', 'sha256')
    const names = await readdir(blobs)
    expect(names).toHaveLength(3)
    for (const name of names) {
      const content = await readFile(join(blobs, name))
      expect(createHash('sha256').update(content).digest('hex')).toBe(name)
    }

    const json = async (path: string) => JSON.parse(await readFile(join(layout, path), 'utf8'))
    const blob = (reference: string) => `blobs/${reference.replace(':', '/')}`
    const [described] = (await json('index.json')).manifests
    expect(described.digest).toBe(digest)
    expect(described.annotations['io.containerd.image.name']).toBe('docker.io/local/test:1')
    const manifest = await json(blob(digest))
    const config = await json(blob(manifest.config.digest))
    expect(config.config).toMatchObject({ Entrypoint: ['/bin/program'], Cmd: ['serve'], User: '65532:65532' })
    expect(config.rootfs.diff_ids).toEqual([manifest.layers[0].digest])

    const layer = join(layout, blob(manifest.layers[0].digest))
    const listing = execFileSync('tar', ['-tvf', layer, '--numeric-owner'], { encoding: 'utf8' })
    // Mode, owner, size; date and time; name and a link's target.
    const entries = listing.trim().split('\n')
    expect(entries.map((line) => line.replace(/ +\d+ \d{4}-\d\d-\d\d \d\d:\d\d /, ' '))).toEqual([
      'drwxr-xr-x 0/0 bin/',
      '-rwxr-xr-x 0/0 bin/program',
      'drwxr-xr-x 0/0 etc/',
      '-rw-r--r-- 0/0 etc/passwd',
      'lrwxrwxrwx 0/0 lib -> usr/lib',
      'drwxrwxrwt 0/0 tmp/',
      'drwxr-xr-x 0/0 usr/',
      'drwxr-xr-x 0/0 usr/lib/',
      '-rw-r--r-- 0/0 usr/lib/libc.so.6',
      'lrwxrwxrwx 0/0 usr/lib/python3 -> python3.11',
      '-rw-r--r-- 0/0 usr/lib/secret',
    ])
  })

  it('gives the same bytes for the same contents, whenever and by whomever they were written', async () => {
    const [first, second] = [join(directory, 'first.tar'), join(directory, 'second.tar')]
    await writeImage(image, first)
    await utimes(join(directory, 'program'), new Date(0), new Date(0))
    await chmod(join(directory, 'program'), 0o700)
    await writeImage(image, second)
    expect((await readFile(first)).equals(await readFile(second))).toBe(true)
    expect((await readdir(directory)).filter((name) => name.includes('.work-'))).toEqual([])
  })
})
