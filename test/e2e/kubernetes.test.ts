import { BatchV1Api, CoreV1Api, KubernetesObjectApi, type V1Job, type V1Pod } from '@kubernetes/client-node'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Manifest } from '../../local/kubernetes/addons/addon.ts'
import { apply, loadKubeconfig } from '../../local/kubernetes/api.ts'
import { images, ingressClass, storageClass } from '../../local/kubernetes/index.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { ports, stateDir } from '../../local/paths.ts'

// What the rest of the local world takes for granted of the cluster that `npm run up` left running.

const namespace = 'kubernetes-test'
const host = 'kubernetes-test.example'
const waitLimit = { timeout: 60_000, interval: 200 }
const config = loadKubeconfig(layoutOf(stateDir).kubeconfig)
const core = config.makeApiClient(CoreV1Api)

const claim: Manifest = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
}

/** Writes a page to the volume as a user without rights, then serves it. */
const server = `
  const { readFileSync, writeFileSync } = require('node:fs')
  writeFileSync('/data/page', 'from the volume')
  require('node:http').createServer((request, response) => {
    let received = 0
    request.on('data', (chunk) => { received += chunk.length })
    request.on('end', () => response.end(request.method === 'PUT' ? String(received) : readFileSync('/data/page')))
  }).listen(8080)
`

const web: V1Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace, labels: { app: 'web' } },
  spec: {
    terminationGracePeriodSeconds: 0,
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'web',
        image: images.node,
        command: ['node', '-e', server],
        readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
        securityContext: {
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
  },
}

const service: Manifest = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
}

const ingress: Manifest = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'web', namespace },
  spec: {
    ingressClassName: ingressClass,
    rules: [
      {
        host,
        http: {
          paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }],
        },
      },
    ],
  },
}

/** Runs a command on the node image as a Job and waits until it has succeeded. */
async function runJob(name: string, command: string[]): Promise<void> {
  const job: V1Job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace },
    spec: {
      backoffLimit: 0,
      template: { spec: { restartPolicy: 'Never', containers: [{ name, image: images.node, command }] } },
    },
  }
  await apply(config, [job as Manifest])
  const status = await vi.waitFor(async () => {
    const { status } = await config.makeApiClient(BatchV1Api).readNamespacedJob({ name, namespace })
    if (!status?.succeeded && !status?.failed) throw new Error(`job ${name} has not ended`)
    return status
  }, waitLimit)
  if (status.succeeded) return
  const { items } = await core.listNamespacedPod({ namespace, labelSelector: `job-name=${name}` })
  const log = await core.readNamespacedPodLog({ name: items[0]?.metadata?.name ?? '', namespace })
  throw new Error(`job ${name} failed: ${log}`)
}

/** Through the ingress controller, as a client on this machine that knows the host's name. */
function throughIngress(method: 'GET' | 'PUT' = 'GET', body: Buffer | null = null) {
  return request(`http://127.0.0.1:${ports.registry}/`, { method, body, headers: { host } })
}

describe('the local cluster', () => {
  beforeAll(async () => {
    const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }
    await apply(config, [space, claim, web as Manifest, service, ingress])
    await vi.waitFor(async () => {
      const { status } = await core.readNamespacedPod({ name: 'web', namespace })
      const ready = status?.conditions?.find(({ type }) => type === 'Ready')
      expect(ready?.status, JSON.stringify(status?.conditions)).toBe('True')
    }, waitLimit)
  })

  afterAll(() =>
    KubernetesObjectApi.makeApiClient(config).delete({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace },
    }),
  )

  it('gives a claim a volume of the default class that a user without rights may write', async () => {
    const { spec, status } = await core.readNamespacedPersistentVolumeClaim({ name: 'data', namespace })
    expect(status?.phase).toBe('Bound')
    expect(spec?.storageClassName).toBe(storageClass)
  })

  it('lets a pod reach a Service by its name', async () => {
    const url = `http://web.${namespace}.svc.cluster.local/`
    // A new Service takes a moment to reach DNS and kube-proxy, as in any cluster.
    const check = `
      const answer = () => fetch('${url}').then((response) => response.text(), (error) => String(error.cause))
      const giveUp = Date.now() + 30_000
      let said
      while ((said = await answer()) !== 'from the volume') {
        if (Date.now() > giveUp) throw new Error(said)
        await new Promise((resolve) => setTimeout(resolve, 250))
      }`
    await runJob('by-name', ['node', '--input-type=module', '-e', check])
  })

  it('runs Python expressions with PyJWT on the node image', async () => {
    await runJob('python', ['python3', '-c', 'import jwt, json, ssl, sqlite3; jwt.encode({}, "x" * 32, "HS256")'])
  })

  it('serves an Ingress on loopback and takes an upload of 64 MiB', async () => {
    await vi.waitFor(async () => expect(await (await throughIngress()).body.text()).toBe('from the volume'), waitLimit)
    const size = 64 * 1024 * 1024
    const response = await throughIngress('PUT', Buffer.alloc(size))
    expect(await response.body.text()).toBe(String(size))
  })

  it('deletes the volume with its claim', async () => {
    const { spec } = await core.readNamespacedPersistentVolumeClaim({ name: 'data', namespace })
    const name = spec?.volumeName ?? ''
    await core.deleteNamespacedPod({ name: 'web', namespace })
    await core.deleteNamespacedPersistentVolumeClaim({ name: 'data', namespace })
    await vi.waitFor(() => expect(core.readPersistentVolume({ name })).rejects.toMatchObject({ code: 404 }), waitLimit)
  })
})
