/** The token service as an image: built by BuildKit from its Dockerfile on the local Node image, and run as a pod. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CoreV1Api, KubernetesObjectApi, type V1PodSecurityContext } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { $ } from 'zx'
import { TOKEN_SERVICE_PORT } from '../../infra/kubernetes/ports.ts'
import { CONTAINER_SECURITY, RESTRICTED_NAMESPACE, RESTRICTED_POD } from '../../infra/kubernetes/restricted.ts'
import { ensureImages, importImages } from '../../local/images/index.ts'
import type { Manifest } from '../../local/kubernetes/addons/addon.ts'
import { apply, loadKubeconfig } from '../../local/kubernetes/api.ts'
import { images } from '../../local/kubernetes/index.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { cacheDir, projectDir, stateDir } from '../../local/paths.ts'
import { ensureTools } from '../../local/toolchain/index.ts'
import { nodeOptions } from '../../service/bundle.ts'
import { type BuildKit, startBuildKit } from './buildkit.ts'
import { registry } from './job.ts'
import { npm } from './npm.ts'

const reference = 'docker.io/local/token-service:image-test'
const namespace = 'image-test'
const waitLimit = { timeout: 60_000, interval: 200 }

const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: RESTRICTED_NAMESPACE } }

/** Everything is as the image has it, but for what the stack demands of every pod. */
const podOf = (name: string, securityContext: V1PodSecurityContext): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: {
    securityContext,
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 5,
    containers: [
      {
        name: 'token-service',
        image: reference,
        imagePullPolicy: 'Never',
        env: [
          { name: 'TOKEN_URL', value: 'http://authentik.invalid/application/o/token/' },
          { name: 'CLIENT_ID', value: 'docker-registry' },
          { name: 'SCOPE', value: 'docker-registry' },
        ],
        readinessProbe: { httpGet: { path: '/live', port: TOKEN_SERVICE_PORT }, periodSeconds: 1 },
        securityContext: CONTAINER_SECURITY,
      },
    ],
  },
})

let folder: string
let buildkit: BuildKit
let digest: string
/** A blob of the image, by its digest. */
let blob: (digest: string) => Promise<unknown>

const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'))

async function unpack(archive: string, name: string): Promise<string> {
  const layout = join(folder, name)
  await mkdir(layout)
  await $({ quiet: true })`tar -xf ${archive} -C ${layout}`
  return layout
}

async function removeImage(name: string, containerdSocket: string): Promise<void> {
  await $({ quiet: true })`ctr --address ${containerdSocket} --namespace k8s.io images remove ${name}`
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-test-'))
  buildkit = await startBuildKit(registry)
  const bundled = await npm('bundle', '--out', join(folder, 'context'))
  expect(bundled.code, bundled.output).toBe(0)

  const tools = await ensureTools(['coredns', 'skipper', 'registry', 'versitygw'])
  const archives = await ensureImages({ ...tools, node: process.execPath }, cacheDir)
  const base = archives.find((archive) => archive.reference === images.node)
  if (!base) throw new Error(`the archive of ${images.node} is missing`)
  const built = await buildkit.archive(
    {
      dockerfile: join(projectDir, 'service'),
      context: join(folder, 'context'),
      base: { reference: base.reference, layout: await unpack(base.file, 'base'), digest: base.digest },
    },
    { reference, file: join(folder, 'image.tar') },
  )
  expect(built.exitCode, built.stderr).toBe(0)
  const layout = await unpack(join(folder, 'image.tar'), 'image')
  digest = (await readJson(join(layout, 'index.json'))).manifests[0].digest
  blob = (of) => readJson(join(layout, 'blobs', of.replace(':', '/')))
})
afterAll(async () => {
  await buildkit?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

it('says who runs it, how, and where it listens', async () => {
  const manifest = (await blob(digest)) as { config: { digest: string } }
  expect(await blob(manifest.config.digest)).toMatchObject({
    config: {
      User: '65532:65532',
      Entrypoint: ['node', ...nodeOptions, '/srv/token-service/token-service.mjs'],
      ExposedPorts: { '9001/tcp': {}, '9002/tcp': {} },
    },
  })
})

describe('as a pod within the restricted standard, on a read-only file system', () => {
  const config = loadKubeconfig(layoutOf(stateDir).kubeconfig)
  const core = config.makeApiClient(CoreV1Api)
  beforeAll(async () => {
    await importImages([{ reference, file: join(folder, 'image.tar'), digest }], layoutOf(stateDir).containerdSocket)
    await apply(config, [space])
  })
  afterAll(async () => {
    await KubernetesObjectApi.makeApiClient(config).delete(space)
    await removeImage(reference, layoutOf(stateDir).containerdSocket)
  })

  it.each([
    ['own-user', { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }],
    ['user-of-the-stack', RESTRICTED_POD.securityContext],
  ])('answers /live as %s', async (name, securityContext) => {
    await apply(config, [podOf(name, securityContext)])
    await vi.waitFor(async () => {
      const { status } = await core.readNamespacedPod({ name, namespace })
      const ready = status?.conditions?.find(({ type }) => type === 'Ready')
      expect(ready?.status, JSON.stringify(status?.containerStatuses)).toBe('True')
    }, waitLimit)
    const log = await core.readNamespacedPodLog({ name, namespace })
    expect(log).toContain('"msg":"listening"')
  })
})
