/** The keys of a cluster whose pods pull: read from its API server, followed by `pulumi up`, warned of in a preview. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { clusterKey, ISSUER, published } from '../../infra/kubernetes/cluster-api.fixture.ts'
import { openProgramWorld, type ProgramWorld } from './program-world.ts'

// Several runs of the engine each, on a machine that may be busy.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 })

const NAME = 'passwordless-registry'

let world: ProgramWorld
beforeAll(async () => {
  world = await openProgramWorld('2026.8.3')
  await world.configure({ [`${NAME}:clusterPulls`]: ['shop'] })
  await world.project.expect('up', '--yes', '--skip-preview')
})
afterAll(() => world[Symbol.asyncDispose]())

const storedKeys = async () => {
  const [source] = await world.list('sources/oauth/?slug=docker-registry-cluster')
  return source?.oidc_jwks
}

it('go to authentik themselves, and a second preview is quiet', async () => {
  expect(await storedKeys()).toEqual({ keys: [clusterKey('key-1')] })
  const output = await world.project.expect('preview', '--expect-no-changes')
  expect(output).not.toContain('have changed')
})

it('that have changed are a warning of the preview, and `pulumi up` brings them', async () => {
  world.cluster.answers = published(ISSUER, 'key-1', 'key-2')
  expect(await world.project.expect('preview')).toContain(
    'The keys of source "cluster" have changed: authentik does not know "key-2" yet',
  )
  await world.project.expect('up', '--yes', '--skip-preview')
  expect(await storedKeys()).toEqual({ keys: [clusterKey('key-1'), clusterKey('key-2')] })
})

it('are needed for a preview: one of a cluster that does not answer says so, and changes nothing', async () => {
  world.cluster.answers = {}
  const { exitCode, output } = await world.project.run('preview')
  expect(exitCode).not.toBe(0)
  expect(output).toContain('passwordless-registry:clusterPulls: the cluster of context "production"')
  expect(output).toContain('nothing was changed')
  world.cluster.answers = published(ISSUER, 'key-2')
})

it('go with the setting; `true` is the source alone', async () => {
  await world.configure({ [`${NAME}:clusterPulls`]: true })
  await world.project.expect('up', '--yes', '--skip-preview')
  expect(String((await world.project.outputs()).trust)).not.toContain('service accounts of namespace')
  expect(await storedKeys()).toEqual({ keys: [clusterKey('key-2')] })
  await world.configure({ [`${NAME}:clusterPulls`]: [] })
  await world.project.expect('up', '--yes', '--skip-preview')
  expect(await storedKeys()).toBeUndefined()
})
