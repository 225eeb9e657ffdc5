/**
 * The commands of docs/operating.md, "Backup", for images on a volume: the namespace is lost, and every digest comes
 * back.
 */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { $ } from 'zx'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { logIn } from '../../local/proof/clients.ts'
import { makeImage, manifestDigest } from '../../local/proof/image.ts'
import { ensureTool } from '../../local/toolchain/index.ts'
import { upWith } from './changed-stack.ts'
import { jobToken, registry } from './job.ts'
import { namespace, restoreNamespace } from './lost-namespace.ts'

const TAGS = ['backup-1', 'backup-2', 'backup-3']

let work: string
const layouts = new Map<string, string>()

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'backup-'))
  for (const tag of TAGS) layouts.set(tag, await makeImage({ layers: 2, bytes: 100_000 }))
})
afterAll(async () => {
  for (const dir of [work, ...layouts.values()]) await rm(dir, { recursive: true, force: true })
})

/** `kubectl exec` of tar in the registry's pod, as typed. */
async function tar(args: string[], stdin: 'ignore' | number, stdout: 'ignore' | number): Promise<void> {
  const PATH = `${dirname(await ensureTool('kubernetes'))}:${process.env.PATH}`
  const env = { ...process.env, PATH, KUBECONFIG: layoutOf(stateDir).kubeconfig }
  const input = stdin === 'ignore' ? [] : ['-i']
  await $({
    env,
    quiet: true,
    stdio: [stdin, stdout, 'pipe'],
  })`kubectl -n ${namespace} exec ${input} deploy/registry -- tar ${args}`
}

it('restores every image of a volume, by its digest', async () => {
  await using client = await logIn('crane', registry, await jobToken('github', 'acme/app'))
  for (const [tag, layout] of layouts) {
    const { exitCode, stderr } = await client.push(layout, `acme/app:${tag}`)
    expect(exitCode, stderr).toBe(0)
  }
  const archive = join(work, 'images.tar')
  // First what refers, then what is referred to: a push meanwhile is in the copy as a whole, or not at all.
  const folders = ['repositories', 'blobs'].map((folder) => `docker/registry/v2/${folder}`)

  const out = await open(archive, 'w')
  await tar(['-cf', '-', '-C', '/var/lib/registry', ...folders], 'ignore', out.fd)
  await out.close()

  await restoreNamespace(() => upWith((text) => text, { PULUMI_OPTION_REFRESH: 'true' }))

  const back = await open(archive, 'r')
  await tar(['-xf', '-', '-C', '/var/lib/registry'], back.fd, 'ignore')
  await back.close()

  await vi.waitFor(
    async () => {
      await using after = await logIn('crane', registry, await jobToken('github', 'acme/app'))
      for (const [tag, layout] of layouts) {
        const target = await mkdtemp(join(work, 'pulled-'))
        const { exitCode, stderr } = await after.pull(`acme/app:${tag}`, target)
        expect(exitCode, stderr).toBe(0)
        expect(await manifestDigest(target)).toBe(await manifestDigest(layout))
      }
    },
    { timeout: 60_000, interval: 1000 },
  )
})
