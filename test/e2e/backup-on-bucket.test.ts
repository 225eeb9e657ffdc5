/** What docs/operating.md, "Backup", says of images on a bucket: the namespace is lost, and every digest comes back. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { logIn } from '../../local/proof/clients.ts'
import { makeImage, manifestDigest } from '../../local/proof/image.ts'
import { onBucket, openObjectStorage } from '../../local/world/object-storage.ts'
import { upWith } from './changed-stack.ts'
import { jobToken, registry } from './job.ts'
import { restoreNamespace } from './lost-namespace.ts'

const TAGS = ['bucket-1', 'bucket-2']
const kubeconfigFile = layoutOf(stateDir).kubeconfig

let work: string
const layouts = new Map<string, string>()

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'backup-on-bucket-'))
  for (const tag of TAGS) layouts.set(tag, await makeImage({ layers: 2, bytes: 100_000 }))
  await openObjectStorage(kubeconfigFile)
  const up = await upWith(onBucket)
  expect(up.code, up.output).toBe(0)
})
afterAll(async () => {
  // Leaves the world as the others expect it.
  const back = await upWith((text) => text)
  for (const dir of [work, ...layouts.values()]) await rm(dir, { recursive: true, force: true })
  expect(back.code, back.output).toBe(0)
})

it('a namespace that is lost comes back with every image, which the bucket still has', async () => {
  await using client = await logIn('crane', registry, await jobToken('github', 'acme/app'))
  for (const [tag, layout] of layouts) {
    const pushed = await client.push(layout, `acme/app:${tag}`)
    expect(pushed.exitCode, pushed.stderr).toBe(0)
  }
  await restoreNamespace(async () => {
    await openObjectStorage(kubeconfigFile)
    return upWith(onBucket, { PULUMI_OPTION_REFRESH: 'true' })
  })
  await vi.waitFor(
    async () => {
      await using again = await logIn('crane', registry, await jobToken('github', 'acme/app'))
      for (const [tag, layout] of layouts) {
        const target = await mkdtemp(join(work, 'pulled-'))
        const { exitCode, stderr } = await again.pull(`acme/app:${tag}`, target)
        expect(exitCode, stderr).toBe(0)
        expect(await manifestDigest(target)).toBe(await manifestDigest(layout))
      }
    },
    { timeout: 60_000, interval: 1000 },
  )
})
