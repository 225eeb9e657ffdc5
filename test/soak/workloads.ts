/** What an administrator does to the pods of the registry and of the token service. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Pod,
} from '@kubernetes/client-node'

const NAMESPACE = 'passwordless-registry'
export const WORKLOADS = ['registry', 'token-service'] as const
export type Workload = (typeof WORKLOADS)[number]

/** The registry may let uploads finish for half a minute before it ends. */
const LIMIT_MS = 180_000
const LOOK_EVERY_MS = 250
/** A PodDisruptionBudget that allows no eviction just now (kubectl drain waits five seconds too). */
const TOO_MANY_REQUESTS = 429

export interface Workloads {
  /** `kubectl rollout restart`, until only new pods are left. */
  restart(workload: Workload): Promise<void>
  /** Deletes one pod, and waits for another in its place. */
  deletePod(workload: Workload): Promise<void>
  /** Evicts one pod after the other, as a drain of their nodes does, and waits until each is replaced. */
  evictPods(workload: Workload): Promise<void>
}

export function workloadsOf(config: KubeConfig): Workloads {
  const apps = config.makeApiClient(AppsV1Api)
  const core = config.makeApiClient(CoreV1Api)

  const pods = async (workload: Workload): Promise<string[]> => {
    const { items } = await core.listNamespacedPod({
      namespace: NAMESPACE,
      labelSelector: `app.kubernetes.io/name=${workload}`,
    })
    return items.filter(isNotOver).map(({ metadata }) => metadata?.name ?? '')
  }
  /** Until none of these pods is left, and as many as wanted are ready. */
  const settled = async (workload: Workload, without: readonly string[]): Promise<void> => {
    const end = performance.now() + LIMIT_MS
    for (;;) {
      const { metadata, spec, status } = await apps.readNamespacedDeployment({ namespace: NAMESPACE, name: workload })
      const left = (await pods(workload)).filter((pod) => without.includes(pod))
      const isSeen = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0)
      const isReady = status?.availableReplicas === spec?.replicas && status?.updatedReplicas === spec?.replicas
      if (left.length === 0 && isSeen && isReady) return
      if (performance.now() > end) {
        throw new Error(
          `${workload} is not what it should be after ${LIMIT_MS / 1000} s; still there: ${left.join(', ')}`,
        )
      }
      await sleep(LOOK_EVERY_MS)
    }
  }
  const evict = async (name: string): Promise<void> => {
    const body = { metadata: { name, namespace: NAMESPACE } }
    for (const end = performance.now() + LIMIT_MS; ; await sleep(LOOK_EVERY_MS)) {
      try {
        await core.createNamespacedPodEviction({ namespace: NAMESPACE, name, body })
        return
      } catch (error) {
        const mayTryAgain = error instanceof ApiException && error.code === TOO_MANY_REQUESTS
        if (!mayTryAgain || performance.now() > end) throw error
      }
    }
  }
  return {
    async restart(workload) {
      const before = await pods(workload)
      const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() }
      await apps.patchNamespacedDeployment(
        { namespace: NAMESPACE, name: workload, body: { spec: { template: { metadata: { annotations } } } } },
        setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
      )
      await settled(workload, before)
    },
    async deletePod(workload) {
      const [name = ''] = await pods(workload)
      await core.deleteNamespacedPod({ namespace: NAMESPACE, name })
      await settled(workload, [name])
    },
    async evictPods(workload) {
      for (const name of await pods(workload)) {
        await evict(name)
        await settled(workload, [name])
      }
    },
  }
}

const isNotOver = ({ status }: V1Pod) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed'
