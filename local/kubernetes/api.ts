/** What is asked of the API server while the cluster starts. */
import {
  AppsV1Api,
  CoreV1Api,
  Health,
  KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  type V1Pod,
} from '@kubernetes/client-node'
import { type Addon, labelsOf, type Manifest } from './addons/addon.ts'
import { network } from './layout.ts'

/** Owner of the fields that we set, in server-side apply. */
const FIELD_MANAGER = 'passwordless-registry-local'

export function loadKubeconfig(file: string, context?: string): KubeConfig {
  const config = new KubeConfig()
  config.loadFromFile(file)
  if (context !== undefined) config.setCurrentContext(context)
  return config
}

export async function isApiReady(config: KubeConfig): Promise<boolean> {
  return new Health(config).readyz({}).catch(() => false)
}

/** Applies the objects one after the other, as an RBAC binding must stand before what needs it. */
export async function apply(config: KubeConfig, objects: readonly Manifest[]): Promise<void> {
  const api = KubernetesObjectApi.makeApiClient(config)
  for (const object of objects) {
    await api.patch(object, undefined, undefined, FIELD_MANAGER, true, PatchStrategy.ServerSideApply)
  }
}

/** Whether the kubelet has reported itself ready since `since`; a kept cluster remembers older reports. */
export async function isNodeReady(config: KubeConfig, since: Date): Promise<boolean> {
  const node = await config
    .makeApiClient(CoreV1Api)
    .readNode({ name: network.nodeName })
    .catch(() => undefined)
  const ready = node?.status?.conditions?.find(({ type }) => type === 'Ready')
  return ready?.status === 'True' && (ready.lastHeartbeatTime ?? new Date(0)) >= since
}

/** Whether the add-on's Deployment is complete with containers that were started after `since`. */
export async function isAddonReady(config: KubeConfig, { name, namespace }: Addon, since: Date): Promise<boolean> {
  const [{ status }, { items }] = await Promise.all([
    config.makeApiClient(AppsV1Api).readNamespacedDeployment({ name, namespace }),
    config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace, labelSelector: `app=${labelsOf(name).app}` }),
  ])
  const complete = (status?.availableReplicas ?? 0) > 0 && !status?.unavailableReplicas
  return complete && items.some((pod) => isPodReady(pod, since))
}

/**
 * Whether the pods have become ready after `since`, when their kubelet was restarted: to a new kubelet a pod that it
 * probes is not ready until the first probe succeeds, and meanwhile no Service leads to it.
 */
export async function areReadyAgain(config: KubeConfig, since: Date): Promise<boolean> {
  const { items } = await config.makeApiClient(CoreV1Api).listPodForAllNamespaces()
  const probed = items.filter(
    ({ metadata, spec, status }) =>
      status?.phase === 'Running' &&
      metadata?.deletionTimestamp === undefined &&
      spec?.containers.some(({ readinessProbe }) => readinessProbe !== undefined),
  )
  const ready = probed.map(({ status }) => status?.conditions?.find(({ type }) => type === 'Ready'))
  return ready.every((one) => one?.status === 'True' && (one.lastTransitionTime ?? new Date(0)) >= since)
}

export function isPodReady({ metadata, status }: V1Pod, since: Date): boolean {
  const ready = status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
  const started = status?.containerStatuses?.every(({ state }) => (state?.running?.startedAt ?? new Date(0)) >= since)
  return ready === true && started === true && metadata?.deletionTimestamp === undefined
}
