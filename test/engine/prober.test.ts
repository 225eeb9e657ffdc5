/** The probers at a real registry: what they find, and what they leave there. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { REGISTRY_NAME } from '../../infra/authentik/names.ts'
import { PROBE_REPOSITORY } from '../../infra/kubernetes/prober-accounts.ts'
import type { Target } from '../../prober/environment.ts'
import { image, probeAsOwner } from '../../prober/owner.ts'
import { probeAsStranger } from '../../prober/stranger.ts'
import { type PushPath, startPushPath } from './push-path.ts'

// A job stands for the service account: what differs is the source.
const rules = [
  { source: 'github', claims: { repository: 'acme/prober' }, push: [PROBE_REPOSITORY], delete: [PROBE_REPOSITORY] },
]

let path: PushPath
beforeAll(async () => {
  path = await startPushPath(rules, 1)
})
afterAll(() => path[Symbol.asyncDispose]())

async function targetAs(repository: string): Promise<Target> {
  const { password } = await path.login({ repository, ref: 'refs/heads/main' }, 3600)
  return {
    url: `http://${path.host}/v2/${PROBE_REPOSITORY}`,
    repository: PROBE_REPOSITORY,
    tokenService: { realm: `${path.service.url}/token`, service: REGISTRY_NAME },
    readToken: async () => password,
  }
}

/** Every file that the registry keeps. */
async function stored(): Promise<string[]> {
  const root = join(path.dir, 'registry', 'data')
  const files = await readdir(root, { recursive: true, withFileTypes: true })
  return files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name).slice(root.length))
}

it('push, pull and delete, and leave one copy of the image, which the garbage collection removes', async () => {
  const target = await targetAs('acme/prober')
  const well = ['push', 'pull', 'delete'].map((probe) => expect.objectContaining({ probe, ok: true }))
  expect(await probeAsOwner(target)).toEqual(well)
  const after = await stored()
  expect(after.filter((file) => file.includes('/tags/'))).toEqual([])
  for (let run = 0; run < 3; run++) expect(await probeAsOwner(target)).toEqual(well)
  expect((await stored()).toSorted()).toEqual(after.toSorted())

  await path.registry.collectGarbage()
  expect((await stored()).filter((file) => file.endsWith('/data'))).toEqual([])
  expect(await probeAsOwner(target)).toEqual(well)
  expect((await stored()).filter((file) => file.includes(image.digest.slice('sha256:'.length)))).not.toEqual([])
})

it('refuse a stranger, say so where a rule lets it in, and leave nothing of it', async () => {
  const before = await stored()
  expect(await probeAsStranger(await targetAs('acme/other'))).toMatchObject({
    admitted: false,
    results: [{ ok: true }],
  })
  expect(await probeAsStranger(await targetAs('acme/prober'))).toMatchObject({
    admitted: true,
    results: [{ ok: false }],
  })
  expect(await stored()).toEqual(before)
})
