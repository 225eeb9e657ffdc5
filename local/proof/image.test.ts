import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { makeImage } from './image.ts'

it('makes a layout whose descriptors hold and whose layers tar can read', async () => {
  const dir = await makeImage({ layers: 3, bytes: 30_000 })
  try {
    const blobs = join(dir, 'blobs', 'sha256')
    const read = (digest: string) => readFileSync(join(blobs, digest.replace('sha256:', '')))
    for (const name of readdirSync(blobs)) {
      expect(
        createHash('sha256')
          .update(readFileSync(join(blobs, name)))
          .digest('hex'),
      ).toBe(name)
    }
    const index = JSON.parse(readFileSync(join(dir, 'index.json'), 'utf8'))
    const manifest = JSON.parse(read(index.manifests[0].digest).toString())
    const config = JSON.parse(read(manifest.config.digest).toString())
    expect(manifest.layers).toHaveLength(3)
    for (const [number, layer] of manifest.layers.entries()) {
      const archive = gunzipSync(read(layer.digest))
      expect(layer.size).toBe(read(layer.digest).length)
      expect(config.rootfs.diff_ids[number]).toBe(`sha256:${createHash('sha256').update(archive).digest('hex')}`)
      const listing = execFileSync('tar', ['-tvf', '-'], { input: archive, encoding: 'utf8' })
      expect(listing).toMatch(new RegExp(`^-rw-r--r-- .* 10000 .* layer-${number}\\n$`))
    }
  } finally {
    rmSync(dir, { recursive: true })
  }
})

it('adds a layer with a program, which the image runs as nobody', async () => {
  const dir = await makeImage({ layers: 1, bytes: 100, program: '/bin/sh' })
  try {
    const read = (digest: string) => readFileSync(join(dir, 'blobs', 'sha256', digest.replace('sha256:', '')))
    const index = JSON.parse(readFileSync(join(dir, 'index.json'), 'utf8'))
    const manifest = JSON.parse(read(index.manifests[0].digest).toString())
    const { config } = JSON.parse(read(manifest.config.digest).toString())
    expect(config).toEqual({ Entrypoint: ['/program', '-P'], User: '65532:65532' })
    expect(manifest.layers).toHaveLength(2)
    const listing = execFileSync('tar', ['-tvzf', '-'], { input: read(manifest.layers[1].digest), encoding: 'utf8' })
    expect(listing).toMatch(/^-rwxr-xr-x .* program\n$/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
