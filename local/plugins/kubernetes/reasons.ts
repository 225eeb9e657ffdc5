/** Why Pods are not ready: what their conditions, containers, events and last log lines say. */
import { isObject } from '../engine/values.ts'
import type { Cluster } from './cluster.ts'
import type { KubernetesObject } from './object.ts'

const POD = { apiVersion: 'v1', kind: 'Pod' }
const EVENT = { apiVersion: 'v1', kind: 'Event' }

/** A person reads the first few; the rest tends to repeat them. */
const SHOWN_PODS = 3
const SHOWN_EVENTS = 3
const SHOWN_LOG_LINES = 5

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string }
  readonly terminated?: { readonly reason?: string; readonly message?: string; readonly exitCode?: number }
}

interface ContainerStatus {
  readonly name: string
  readonly ready: boolean
  readonly restartCount?: number
  readonly state?: ContainerState
  readonly lastState?: ContainerState
}

const join = (...parts: (string | undefined)[]): string => parts.filter(Boolean).join(': ')

const containersOf = ({ status }: KubernetesObject): ContainerStatus[] => [
  ...((status?.initContainerStatuses ?? []) as ContainerStatus[]),
  ...((status?.containerStatuses ?? []) as ContainerStatus[]),
]

const hasEnded = (container: ContainerStatus): boolean =>
  (container.state?.terminated?.exitCode ?? container.lastState?.terminated?.exitCode ?? 0) !== 0

function containerReason({ name, state, lastState }: ContainerStatus): string | undefined {
  const ended = state?.terminated ?? lastState?.terminated
  const end = ended && ended.exitCode !== 0 ? `ended with exit code ${ended.exitCode}` : undefined
  const words = join(state?.waiting?.reason, state?.waiting?.message, end, ended?.message)
  return words && `container "${name}": ${words}`
}

/** What a Pod's own status says against it. */
export function podReasons(pod: KubernetesObject): string[] {
  const conditions = (pod.status?.conditions ?? []) as {
    type: string
    status: string
    reason?: string
    message?: string
  }[]
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  const containers = containersOf(pod).filter((container) => !container.ready)
  return [
    ...(unscheduled ? [join(unscheduled.reason, unscheduled.message)] : []),
    ...containers.flatMap((container) => containerReason(container) ?? []),
  ].map((reason) => `Pod "${pod.metadata.name}": ${reason}`)
}

/** What a Deployment's own status says: why its ReplicaSets cannot make Pods. */
export function replicaFailure({ kind, metadata, status }: KubernetesObject): string[] {
  const conditions = (status?.conditions ?? []) as { type: string; status: string; reason?: string; message?: string }[]
  const failure = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
  return failure ? [`${kind} "${metadata.name}": ${join(failure.reason, failure.message)}`] : []
}

const isPodReady = ({ status }: KubernetesObject): boolean =>
  ((status?.conditions ?? []) as { type: string; status: string }[]).some(
    ({ type, status: value }) => type === 'Ready' && value === 'True',
  )

/** The labels of the Pods that an object stands or falls with. */
export function podLabels({ kind, spec }: KubernetesObject): Record<string, string> | undefined {
  const selector = spec?.selector
  if (!isObject(selector)) return undefined
  return (kind === 'Service' ? selector : selector.matchLabels) as Record<string, string> | undefined
}

async function podsOf(cluster: Cluster, object: KubernetesObject): Promise<KubernetesObject[]> {
  const labels = podLabels(object)
  if (!labels) return []
  const labelSelector = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')
  return cluster.list(POD, object.metadata.namespace, { labelSelector })
}

async function warnings(cluster: Cluster, { metadata, kind }: KubernetesObject): Promise<string[]> {
  const fieldSelector = `involvedObject.uid=${metadata.uid},type=Warning`
  const events = await cluster.list(EVENT, metadata.namespace ?? 'default', { fieldSelector })
  const latest = events.slice(-SHOWN_EVENTS)
  return latest.map(
    ({ reason, message }) => `${kind} "${metadata.name}": event ${join(String(reason), String(message))}`,
  )
}

async function lastLines(cluster: Cluster, pod: KubernetesObject): Promise<string[]> {
  const container = containersOf(pod).find(hasEnded)
  if (!container) return []
  const path = await cluster.path(POD, pod.metadata.namespace, pod.metadata.name)
  const previous = String(container.state?.terminated === undefined)
  const query = new URLSearchParams({ container: container.name, tailLines: String(SHOWN_LOG_LINES), previous })
  // A missing log must not cause another error.
  const log = await cluster.text('GET', `${path}/log?${query}`).catch(() => '')
  return log.trim() ? [`last lines of container "${container.name}":\n${log.trimEnd()}`] : []
}

/** All that can be found out about why an object is not ready. */
export async function reasonsAgainst(cluster: Cluster, object: KubernetesObject): Promise<string[]> {
  const pods = (await podsOf(cluster, object)).filter((pod) => !isPodReady(pod)).slice(0, SHOWN_PODS)
  const ofPods = await Promise.all(
    pods.map(async (pod) => [
      ...podReasons(pod),
      ...(await warnings(cluster, pod)),
      ...(await lastLines(cluster, pod)),
    ]),
  )
  return [...new Set([...replicaFailure(object), ...(await warnings(cluster, object)), ...ofPods.flat()])]
}
