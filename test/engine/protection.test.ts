/** What the program protects, under the real engine and against a real API server without nodes. */
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { projectDir } from '../../local/paths.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { openProject, type PulumiProject } from './pulumi-project.ts'

const infra = (file: string) => JSON.stringify(join(projectDir, 'infra', file))

interface Settings {
  namespace?: string
  /** Logical name of the signing key. */
  key?: string
  curve?: string
  storageClass?: string
  storageSize?: string
  deleteImages?: boolean
}

/** Namespace, volume and a key as the program makes them, and an object beside them that can be made again. */
const program = ({
  namespace = 'small',
  key = 'signing',
  curve = 'P256',
  storageClass = 'standard',
  storageSize = '2Gi',
  deleteImages = false,
}: Settings = {}) => `
import * as kubernetes from '@pulumi/kubernetes'
import * as tls from '@pulumi/tls'
import { kept } from ${infra('protection.ts')}
import { imageVolume } from ${infra('kubernetes/image-volume.ts')}
import { makeNamespace } from ${infra('kubernetes/namespace.ts')}
const namespace = makeNamespace('${namespace}', ${deleteImages})
const metadata = { name: 'registry', namespace, labels: {} }
const volume = { metadata, storageClass: '${storageClass}', storageSize: '${storageSize}', deleteImages: ${deleteImages} }
imageVolume(volume, undefined)
const key = new tls.PrivateKey('${key}', { algorithm: 'ECDSA', ecdsaCurve: '${curve}' }, kept(${deleteImages}))
new kubernetes.core.v1.ConfigMap('other', { metadata: { namespace, name: 'other' }, data: { a: '1' } })
export const publicKey = key.publicKeyPem
`

const CLAIM = '/api/v1/namespaces/small/persistentvolumeclaims/registry'

let cluster: ApiServer
let project: PulumiProject
/** What must stay as it is. */
let claimUid: string
let publicKey: unknown

async function uidOfClaim(): Promise<string | undefined> {
  const { metadata } = (await cluster.request('GET', CLAIM)) as {
    metadata?: { uid?: string; deletionTimestamp?: string }
  }
  expect(metadata).not.toHaveProperty('deletionTimestamp')
  return metadata?.uid
}

beforeAll(async () => {
  cluster = await startApiServer()
  project = await openProject({ KUBECONFIG: cluster.kubeconfig })
  await project.write(program())
  await project.expect('up', '--yes', '--skip-preview')
  claimUid = String(await uidOfClaim())
  publicKey = (await project.outputs()).publicKey
})
afterAll(async () => {
  await project?.close()
  await cluster?.close()
})
afterEach(async () => {
  if (claimUid !== '') expect(await uidOfClaim()).toBe(claimUid)
})

describe('a slip ends before anything is lost', () => {
  test.each<[string, Settings, RegExp]>([
    ['another namespace', { namespace: 'other' }, /namespace of the images .*marked for protection/s],
    ['another storage class', { storageClass: 'fast' }, /images .*marked for protection/s],
    ['a smaller volume', { storageSize: '1Gi' }, /small\/registry.*PersistentVolumeClaim.*(immutable|less than)/s],
    ['a renamed key', { key: 'renamed' }, /signing.*cannot be deleted.*protected/s],
    ['a key of another kind', { curve: 'P384' }, /signing.*marked for protection/s],
  ])('%s', async (_, settings, message) => {
    await project.write(program(settings))
    const { exitCode, output } = await project.run('up', '--yes')
    expect(exitCode).not.toBe(0)
    expect(output).toMatch(message)
  })

  test('a renamed volume', async () => {
    await project.write(
      program().replace('imageVolume(volume', "imageVolume({ ...volume, metadata: { ...metadata, name: 'images' } }"),
    )
    const { exitCode, output } = await project.run('up', '--yes')
    expect(exitCode).not.toBe(0)
    expect(output).toMatch(/images .*marked for protection/s)
  })

  test('a volume that the program no longer has', async () => {
    await project.write(program().replace('imageVolume(volume, undefined)', ''))
    const { exitCode, output } = await project.run('up', '--yes', '--skip-preview')
    expect(exitCode).not.toBe(0)
    expect(output).toMatch(/images \(to delete: .*cannot be deleted/s)
  })
})

describe('pulumi destroy', () => {
  beforeAll(() => project.write(program()))

  const DELETE = 'pulumi config set deleteImages true, then pulumi up'

  test('stops before it deletes anything, and says what is kept and how to delete it', async () => {
    const { exitCode, output } = await project.run('destroy', '--yes')
    expect(exitCode).not.toBe(0)
    expect(output).toContain(`images (to delete: ${DELETE})`)
    expect(await cluster.request('GET', '/api/v1/namespaces/small/configmaps/other')).toMatchObject({
      data: { a: '1' },
    })
  })

  test('keeps them also without a preview; the next up goes on with them', async () => {
    const { exitCode } = await project.run('destroy', '--yes', '--skip-preview')
    expect(exitCode).not.toBe(0)
    await project.expect('up', '--yes', '--skip-preview')
  })

  test('--exclude-protected takes the rest away; the next up goes on with them', async () => {
    expect(await project.expect('destroy', '--yes', '--exclude-protected')).toContain('protected resources')
    expect(await cluster.request('GET', '/api/v1/namespaces/small/configmaps/other')).toMatchObject({ code: 404 })
    await project.expect('up', '--yes')
  })

  test('after deleteImages takes all away', async () => {
    await project.write(program({ deleteImages: true }))
    await project.expect('up', '--yes')
    expect((await project.outputs()).publicKey).toBe(publicKey)
    expect(await uidOfClaim()).toBe(claimUid)
    claimUid = ''
    await project.expect('destroy', '--yes')
    expect(await cluster.request('GET', CLAIM)).toMatchObject({ code: 404 })
    expect(await cluster.request('GET', '/api/v1/namespaces/small')).toMatchObject({ code: 404 })
  })
})
