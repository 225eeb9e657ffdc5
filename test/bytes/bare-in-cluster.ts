/** A registry of the same image beside the stack, without authentication, behind the same ingress controller. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AppsV1Api, type KubeConfig, KubernetesObjectApi, type V1Container } from '@kubernetes/client-node'
import { LAYER_ANNOTATIONS, registryIngressSpec } from '../../infra/kubernetes/ingress-objects.ts'
import type { Manifest } from '../../local/kubernetes/addons/addon.ts'
import { apply } from '../../local/kubernetes/api.ts'
import { images, ingressClass } from '../../local/kubernetes/index.ts'
import { ports } from '../../local/paths.ts'
import { bareConfig } from '../engine/registry-process.ts'

const namespace = 'registry-alone'
const name = 'registry'
const labels = { app: name }
const READY_LIMIT_MS = 120_000
const POLL_MS = 500

const metadata = { name, namespace }

/** @param stacks the container of the stack's registry: what it may use, and how its memory is managed, is the same */
const objectsLike = (stacks: V1Container): Manifest[] => [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'config.yml': bareConfig() } },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata,
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '4Gi' } } },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          securityContext: { fsGroup: 65532 },
          containers: [
            {
              name,
              image: images.registry,
              env: (stacks.env ?? []).filter(({ value }) => value !== undefined),
              resources: stacks.resources,
              readinessProbe: { httpGet: { path: '/', port: 5000 }, periodSeconds: 1 },
              volumeMounts: [
                { name: 'config', mountPath: '/etc/distribution', readOnly: true },
                { name: 'storage', mountPath: '/var/lib/registry' },
              ],
            },
          ],
          volumes: [
            { name: 'config', configMap: { name } },
            { name: 'storage', persistentVolumeClaim: { claimName: name } },
          ],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { selector: labels, ports: [{ port: 5000, targetPort: 5000 }] },
  },
]

/** Another name of the same loopback port: `localhost` is the stack's. A rule without a host takes what is left. */
export const registryAlone = `127.0.0.1:${ports.registry}`

function ingress(): Manifest {
  const spec = registryIngressSpec({ host: '', className: ingressClass, tlsSecret: undefined, service: name })
  const rules = spec.rules.map(({ http }) => ({ http }))
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { ...metadata, annotations: LAYER_ANNOTATIONS },
    spec: { ...spec, rules },
  }
}

/** Starts it and waits until it answers at {@link registryAlone}; it goes when it is disposed of. */
export async function startRegistryAlone(config: KubeConfig): Promise<AsyncDisposable> {
  const apps = config.makeApiClient(AppsV1Api)
  const stacks = await apps.readNamespacedDeployment({ name, namespace: 'passwordless-registry' })
  const [container] = stacks.spec?.template.spec?.containers ?? []
  if (container === undefined) throw new Error('the Deployment of the stack has no container')
  await apply(config, [...objectsLike(container), ingress()])
  const giveUp = performance.now() + READY_LIMIT_MS
  const answers = () =>
    fetch(`http://${registryAlone}/v2/`).then(
      ({ status }) => status === 200,
      () => false,
    )
  while (!(await answers())) {
    if (performance.now() > giveUp) {
      const { status } = await apps.readNamespacedDeployment(metadata)
      throw new Error(`the registry alone does not answer: ${JSON.stringify(status?.conditions)}`)
    }
    await sleep(POLL_MS)
  }
  const remove = () =>
    KubernetesObjectApi.makeApiClient(config).delete({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace },
    })
  return { [Symbol.asyncDispose]: async () => void (await remove()) }
}
