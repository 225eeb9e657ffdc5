/**
 * A registry beside the stack, without authentication, behind the same ingress controller: of the same image and with
 * the same configuration, on a volume of its own, or in a folder of the same bucket.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AppsV1Api, CoreV1Api, type KubeConfig, KubernetesObjectApi, type V1Container } from '@kubernetes/client-node'
import { parse, stringify } from 'yaml'
import { LAYER_ANNOTATIONS, registryIngressSpec } from '../../infra/kubernetes/ingress-objects.ts'
import type { Manifest } from '../../local/kubernetes/addons/addon.ts'
import { apply } from '../../local/kubernetes/api.ts'
import { ingressClass } from '../../local/kubernetes/index.ts'
import { ports } from '../../local/paths.ts'

const namespace = 'registry-alone'
const name = 'registry'
const STACK = 'passwordless-registry'
const labels = { app: name }
const READY_LIMIT_MS = 120_000
const POLL_MS = 500

const metadata = { name, namespace }

/** The registry of the stack. */
interface Stacks {
  replicas: number
  container: V1Container
  /** Text of its configuration file. */
  config: string
  /** What its environment is taken from. */
  secrets: readonly Manifest[]
}

async function readStacks(config: KubeConfig): Promise<Stacks> {
  const [apps, core] = [config.makeApiClient(AppsV1Api), config.makeApiClient(CoreV1Api)]
  const { spec } = await apps.readNamespacedDeployment({ name, namespace: STACK })
  const { containers = [], volumes = [] } = spec?.template.spec ?? {}
  const [container] = containers
  const files = volumes.find((volume) => volume.name === 'files')?.configMap?.name
  if (container === undefined || files === undefined) throw new Error('the Deployment of the stack has no registry')
  const { data = {} } = await core.readNamespacedConfigMap({ name: files, namespace: STACK })
  const names = new Set((container.env ?? []).flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []))
  const secrets = [...names].map(async (name) => {
    const { data = {} } = await core.readNamespacedSecret({ name, namespace: STACK })
    return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, data }
  })
  return {
    replicas: spec?.replicas ?? 1,
    container,
    config: data['config.yml'] ?? '',
    secrets: await Promise.all(secrets),
  }
}

/** Without authentication, and in a folder of its own. */
function bareConfig(text: string): { config: string; isOnVolume: boolean } {
  const { auth: _, storage, ...config } = parse(text)
  const { filesystem, s3 } = storage
  if (s3 !== undefined) s3.rootdirectory = namespace
  return { config: stringify({ ...config, storage }), isOnVolume: filesystem !== undefined }
}

function objectsLike({ replicas, container, secrets, ...stacks }: Stacks): Manifest[] {
  const { config, isOnVolume } = bareConfig(stacks.config)
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata,
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '4Gi' } } },
  }
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'config.yml': config } },
    ...secrets,
    ...(isOnVolume ? [claim] : []),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            securityContext: { fsGroup: 65532 },
            containers: [
              {
                name,
                image: container.image,
                env: container.env ?? [],
                resources: container.resources ?? {},
                readinessProbe: { httpGet: { path: '/', port: 5000 }, periodSeconds: 1 },
                volumeMounts: [
                  { name: 'config', mountPath: '/etc/distribution', readOnly: true },
                  ...(isOnVolume ? [{ name: 'storage', mountPath: '/var/lib/registry' }] : []),
                ],
              },
            ],
            volumes: [
              { name: 'config', configMap: { name } },
              ...(isOnVolume ? [{ name: 'storage', persistentVolumeClaim: { claimName: name } }] : []),
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
}

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
  await apply(config, [...objectsLike(await readStacks(config)), ingress()])
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
