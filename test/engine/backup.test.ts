/** What docs/operating.md, "Backup", copies out of the registry's pod, and back into an empty volume. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeImage, manifestDigest } from '../../local/proof/image.ts'
import { crane, cranePush } from './crane.ts'
import { startBareRegistry } from './registry-process.ts'

const TAGS = ['1', '2', '3']
const nobody = (host: string) => ({ host, username: 'unused', password: 'unused' })

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'backup-'))
})
afterAll(() => rm(dir, { recursive: true }))

it('has every image again, by its digest', async () => {
  const tar = (args: string[]) => promisify(execFile)('tar', args)
  const [before, after, archive] = [join(dir, 'before'), join(dir, 'after'), join(dir, 'images.tar')]
  await Promise.all([mkdir(before), mkdir(join(after, 'data'), { recursive: true })])

  const digests: string[] = []
  const full = await startBareRegistry(before)
  for (const tag of TAGS) {
    const layout = await makeImage({ layers: 2, bytes: 100_000 })
    digests.push(await manifestDigest(layout))
    expect(await cranePush(layout, `${full.host}/acme/app:${tag}`, nobody(full.host))).toMatchObject({ code: 0 })
    await rm(layout, { recursive: true })
  }
  const folders = ['repositories', 'blobs'].map((folder) => `docker/registry/v2/${folder}`)
  await tar(['-cf', archive, '-C', join(before, 'data'), ...folders])
  await full.close()
  await rm(before, { recursive: true })

  const restored = await startBareRegistry(after)
  try {
    await tar(['-xf', archive, '-C', join(after, 'data')])
    for (const [index, tag] of TAGS.entries()) {
      const target = join(dir, `pulled-${tag}`)
      const reference = `${restored.host}/acme/app:${tag}`
      expect(await crane(['pull', '--format=oci', reference, target], nobody(restored.host))).toMatchObject({ code: 0 })
      expect(await manifestDigest(target)).toBe(digests[index])
    }
  } finally {
    await restored.close()
  }
})
