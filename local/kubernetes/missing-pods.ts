/**
 * Deployments that lack pods, and why. A Deployment whose next pod cannot be made may still answer, by its last one.
 */
import { AppsV1Api, CoreV1Api, type CoreV1Event, type V1Deployment, type V1Pod } from '@kubernetes/client-node'
import { loadKubeconfig } from './api.ts'

export interface MissingPods {
  /** `namespace/name` */
  readonly deployment: string
  /** `1 of 2 replicas available, 0 up to date, 2 in all` */
  readonly state: string
  /** One sentence each, from conditions, containers and events. */
  readonly reasons: readonly string[]
}

/** A person reads the first few; the rest tends to repeat them. */
const SHOWN_EVENTS = 3

const inWords = (...parts: (string | undefined)[]) => parts.filter(Boolean).join(': ')

/** Looks at all namespaces. */
export async function missingPods(kubeconfig: string): Promise<MissingPods[]> {
  const config = loadKubeconfig(kubeconfig)
  const core = config.makeApiClient(CoreV1Api)
  const [deployments, pods, warnings] = await Promise.all([
    config.makeApiClient(AppsV1Api).listDeploymentForAllNamespaces(),
    core.listPodForAllNamespaces(),
    core.listEventForAllNamespaces({ fieldSelector: 'type=Warning' }),
  ])
  return deployments.items.flatMap((deployment) => missingOf(deployment, pods.items, warnings.items))
}

/** Of one Deployment; none where all its pods are there, and of its latest version. */
export function missingOf(deployment: V1Deployment, pods: readonly V1Pod[], warnings: readonly CoreV1Event[]) {
  const state = stateOf(deployment)
  if (state === undefined) return []
  const { name = '', namespace } = deployment.metadata ?? {}
  // Its ReplicaSets and their pods are named after it.
  const isOfIt = (object?: { name?: string; namespace?: string }) =>
    object?.namespace === namespace && (object?.name === name || object?.name?.startsWith(`${name}-`))
  const reasons = [
    ...conditions(deployment),
    ...pods.filter(({ metadata }) => isOfIt(metadata)).flatMap(containers),
    ...warnings
      .filter(({ involvedObject }) => isOfIt(involvedObject))
      .slice(-SHOWN_EVENTS)
      .map(event),
  ]
  return [{ deployment: `${namespace}/${name}`, state, reasons: [...new Set(reasons)] }]
}

function stateOf({ metadata, spec, status }: V1Deployment): string | undefined {
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) {
    return 'its controller has not seen this version yet'
  }
  const wanted = spec?.replicas ?? 1
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status ?? {}
  if (replicas === wanted && updatedReplicas === wanted && availableReplicas === wanted) return undefined
  return `${availableReplicas} of ${wanted} replicas available, ${updatedReplicas} up to date, ${replicas} in all`
}

/** Why its ReplicaSets cannot make pods, or take too long. */
const conditions = ({ status }: V1Deployment) =>
  (status?.conditions ?? [])
    .filter(({ type, status }) => (type === 'ReplicaFailure') === (status === 'True') && type !== 'Available')
    .map(({ reason, message }) => inWords(reason, message))

const containers = ({ metadata, status }: V1Pod) =>
  [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].flatMap(
    ({ name, ready, state, lastState }) => {
      const ended = state?.terminated ?? lastState?.terminated
      const end = ended && ended.exitCode !== 0 ? `ended with exit code ${ended.exitCode}` : undefined
      const words = inWords(state?.waiting?.reason, state?.waiting?.message, end, ended?.message)
      return ready || words === '' ? [] : [`Pod "${metadata?.name}": container "${name}": ${words}`]
    },
  )

const event = ({ involvedObject, reason, message }: CoreV1Event) =>
  `${involvedObject.kind} "${involvedObject.name}": event ${inWords(reason, message)}`
