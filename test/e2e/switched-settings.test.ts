/** Every setting switched on, and off again: each time the pods restart, and a job pushes. */
import { rm } from 'node:fs/promises'
import { AppsV1Api, CoreV1Api } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { apply, loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { logIn } from '../../local/proof/clients.ts'
import { makeImage } from '../../local/proof/image.ts'
import { upWith, withSettings } from './changed-stack.ts'
import { jobToken, registry } from './job.ts'
import { npm, start } from './npm.ts'
import { opened } from './open-repository.ts'
import { stackEnvironment } from './stack-environment.ts'

const namespace = 'passwordless-registry'
const AUDIENCE = 'switched.example'
/** Ending takes the token service some seconds, in which it still answers. */
const RESTART = { timeout: 150_000, interval: 500 }

const kubeconfig = loadKubeconfig(layoutOf(stateDir).kubeconfig)
const core = kubeconfig.makeApiClient(CoreV1Api)
const apps = kubeconfig.makeApiClient(AppsV1Api)
let layout: string

/** All of them but those that name images, the host, and what is kept. */
async function everythingOn(config: string): Promise<string> {
  const { stdout: certificate } = await start(['pulumi', 'stack', 'output', 'certificate'], await stackEnvironment())
    .finished
  const settings = {
    // Without one: the cluster's default class.
    ingressClass: '',
    ingressTlsSecret: 'switched-tls',
    ingressAnnotations: { 'example.com/switched': 'on' },
    audience: AUDIENCE,
    clientId: 'switched-registry',
    tokenLifetimeMinutes: 5,
    sessionHours: 0,
    pushGroup: 'switched_push',
    pullGroup: 'switched_pull',
    explainRefusedPush: false,
    trustedProxies: ['10.0.0.0/8'],
    networkPolicies: false,
    caBundle: certificate,
    proxy: 'http://127.0.0.1:9',
    noProxy: '.cluster.local',
    environment: { LOG_LEVEL: 'debug' },
    imagePullSecrets: ['switched-login'],
    resources: { registry: { limits: { memory: '600Mi' } }, tokenService: { requests: { cpu: '60m' } } },
    tolerations: [{ key: 'switched', operator: 'Exists' }],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    priorityClass: 'system-cluster-critical',
    labels: { team: 'switched' },
    replicas: 3,
    probers: true,
  }
  return withSettings(opened(config), settings)
}

async function pods(): Promise<string[]> {
  const { items } = await core.listNamespacedPod({ namespace })
  return items.map(({ metadata }) => metadata?.name ?? '')
}

/** All pods at once, as when a node goes; then waits for the new ones. */
async function restartPods(): Promise<void> {
  const before = await pods()
  await core.deleteCollectionNamespacedPod({ namespace })
  await vi.waitFor(async () => {
    expect((await pods()).filter((name) => before.includes(name))).toEqual([])
    const { items } = await apps.listNamespacedDeployment({ namespace })
    for (const { metadata, spec, status } of items) {
      expect(status?.readyReplicas, metadata?.name).toBe(spec?.replicas)
      expect(status?.updatedReplicas, metadata?.name).toBe(spec?.replicas)
    }
  }, RESTART)
}

/** What a pod of this name says on its second port. */
async function metricsOf(name: string): Promise<string> {
  const { items } = await core.listNamespacedPod({ namespace, labelSelector: `app.kubernetes.io/name=${name}` })
  const pod = `${items[0]?.metadata?.name}:9002`
  return core.connectGetNamespacedPodProxyWithPath({ name: pod, namespace, path: 'metrics' })
}

/** The ingress controller looks for new addresses every few seconds. */
async function pushes(tag: string, ...token: string[]): Promise<void> {
  await vi.waitFor(async () => {
    await using client = await logIn('crane', registry, await jobToken('github', 'acme/app', ...token))
    const { exitCode, stderr } = await client.push(layout, `acme/app:${tag}`)
    expect(exitCode, stderr).toBe(0)
  }, RESTART)
}

beforeAll(async () => {
  layout = await makeImage({ layers: 1, bytes: 50_000 })
})
afterAll(() => rm(layout, { recursive: true, force: true }))

describe('all settings', () => {
  it('on', async () => {
    const { code, output } = await upWith(everythingOn)
    expect(code, output).toBe(0)
    await restartPods()
    await pushes('on', '--audience', AUDIENCE)
  })

  it('has probers that push and pull by a rule of their own, and a stranger that is refused', async () => {
    await vi.waitFor(async () => {
      const page = await metricsOf('prober')
      for (const probe of ['push', 'pull', 'delete'])
        expect(page).toContain(`registry_probe_success{probe="${probe}"} 1`)
      const stranger = await metricsOf('prober-stranger')
      expect(stranger).toContain('registry_probe_success{probe="stranger"} 1')
      expect(stranger).toContain('registry_probe_stranger_admitted 0')
    }, RESTART)
  })

  it('and off again', async () => {
    const { code, output } = await upWith((config) => config)
    expect(code, output).toBe(0)
    await restartPods()
    await pushes('off')
    expect((await npm('preview')).code).toBe(0)
    expect(JSON.parse((await npm('status', '--json')).stdout)).toMatchObject({ running: true, missingPods: [] })
  })
})

describe('npm run status', () => {
  const metadata = { name: 'without-account', namespace: 'default' }
  const labels = { app: metadata.name }

  afterAll(() => apps.deleteNamespacedDeployment(metadata))

  it('shows pods that are missing, and why', async () => {
    const containers = [{ name: 'a', image: 'local/node:24' }]
    const template = { metadata: { labels }, spec: { serviceAccountName: 'gone', containers } }
    const spec = { replicas: 2, selector: { matchLabels: labels }, template }
    await apply(kubeconfig, [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec }])
    await vi.waitFor(async () => {
      const { stdout } = await npm('status')
      expect(stdout).toContain('missing pods  default/without-account: 0 of 2 replicas available')
      expect(stdout).toContain('serviceaccount "gone" not found')
    }, RESTART)
  })
})
