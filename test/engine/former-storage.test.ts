/** The volume of a stack that moves to a bucket, under the real engine: what the last run put out decides. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { projectDir } from '../../local/paths.ts'
import { installAgreeableKubernetes } from './agreeable-kubernetes.ts'
import { openProject, type PulumiProject } from './pulumi-project.ts'

const infra = (file: string) => JSON.stringify(join(projectDir, 'infra', file))

/** As infra/index.ts has it. */
const program = ({ bucket = false, deleteImages = false }) => `
import { readImageStorage } from ${infra('former-storage.ts')}
import { imageVolume } from ${infra('kubernetes/image-volume.ts')}
export const registry = 'registry.example.com'
export const storage = ${bucket ? "'bucket acme (s3)'" : "'the volume'"}
const images = await readImageStorage({ inWords: storage, isShared: ${bucket} }, ${deleteImages})
export const volume = images.volume
const metadata = { name: 'registry', namespace: 'small', labels: {} }
if (volume !== 'none') {
  imageVolume({ metadata, storageClass: undefined, storageSize: '2Gi', deleteImages: ${deleteImages} }, undefined)
}
`

let project: PulumiProject

beforeAll(async () => {
  project = await openProject()
  await installAgreeableKubernetes(join(project.directory, 'home'))
})
afterAll(() => project?.close())

async function up(options: { bucket?: boolean; deleteImages?: boolean }): Promise<string> {
  await project.write(program(options))
  return project.expect('up', '--yes')
}

/** Whether the state has the claim, and protected. */
async function claim(): Promise<'none' | 'protected' | 'deletable'> {
  const resources: { type: string; protect?: boolean }[] = JSON.parse(await project.state()).checkpoint.latest.resources
  const found = resources.find(({ type }) => type.endsWith(':PersistentVolumeClaim'))
  return found === undefined ? 'none' : found.protect ? 'protected' : 'deletable'
}

it('is kept until deleteImages has been set for two runs', async () => {
  expect(await up({})).not.toContain('warning')
  expect(await claim()).toBe('protected')

  const moved = await up({ bucket: true })
  expect(moved).toContain('the registry moves from the volume to bucket acme (s3). Nothing is copied')
  expect(moved).toContain('the volume with former images is kept, and protected')
  expect(await claim()).toBe('protected')

  const stays = await project.expect('preview', '--expect-no-changes')
  expect(stays).toContain('is kept, and protected')
  expect(stays).not.toContain('moves from')

  expect(await up({ bucket: true, deleteImages: true })).toContain('the next `pulumi up` deletes it')
  expect(await claim()).toBe('deletable')

  expect(await up({ bucket: true, deleteImages: true })).not.toContain('warning')
  expect(await claim()).toBe('none')
})
