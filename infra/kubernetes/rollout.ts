/**
 * Whether all pods of Deployments are of their newest template. The provider waits for that as well, but takes an update of
 * both template and number of pods for done once the controller has scaled, before the rollout begins.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AppsV1Api, type V1Deployment } from '@kubernetes/client-node'
import { LAME_DUCK_SECONDS } from './availability.ts'
import {
  ClusterProblem,
  clusterName,
  type KubernetesAccess,
  loadKubeconfig,
  providersAccess,
  type Refusal,
  withinLimit,
} from './cluster-access.ts'

/** As long as the provider waits for a Deployment. */
const LIMIT_MS = 5 * 60_000
const LOOK_EVERY_MS = 1_000
/** Clients may still reach a pod that ends. */
const SETTLE_MS = 1_000 * LAME_DUCK_SECONDS

/** What is still to happen, in words; undefined: the Deployment has rolled out. */
export function missingOf({ metadata, spec, status }: V1Deployment): string | undefined {
  const { replicas = 0, updatedReplicas = 0, observedGeneration = 0 } = status ?? {}
  if (observedGeneration < (metadata?.generation ?? 0)) return 'its controller has not seen the change'
  const wanted = spec?.replicas ?? 1
  if (updatedReplicas < wanted) return `${updatedReplicas} of ${wanted} pods are new`
  if (replicas > updatedReplicas) return `${replicas - updatedReplicas} of ${replicas} pods are old`
  return undefined
}

export interface Rollouts {
  readonly namespace: string
  /** Names of Deployments. */
  readonly names: readonly string[]
  /** Without it, as the stack gives it to the provider. */
  readonly access?: KubernetesAccess
}

/**
 * Returns once no client reaches an older pod of theirs.
 * @throws ClusterProblem if one of them does not roll out in time, or the cluster does not say
 */
export async function waitForRollouts(
  { namespace, names, access }: Rollouts,
  { limitMs, lookEveryMs, settleMs } = { limitMs: LIMIT_MS, lookEveryMs: LOOK_EVERY_MS, settleMs: SETTLE_MS },
): Promise<void> {
  const config = loadKubeconfig(access ?? (await providersAccess()))
  const client = config.makeApiClient(AppsV1Api)
  const end = performance.now() + limitMs
  for (const name of names) {
    const what = `Deployment ${namespace}/${name}`
    const problemOf = (refusal: Refusal) =>
      new ClusterProblem(
        `${clusterName(config)} does not say whether ${what} has rolled out (${shownRefusal(refusal)}).`,
      )
    for (;;) {
      const missing = missingOf(await withinLimit(client.readNamespacedDeployment({ namespace, name }), problemOf))
      if (missing === undefined) break
      if (performance.now() > end) {
        throw new ClusterProblem(
          `${what} has not rolled out within ${limitMs / 60_000} minutes: ${missing}. ` +
            `kubectl -n ${namespace} get pods shows why.`,
        )
      }
      await sleep(lookEveryMs)
    }
  }
  await sleep(settleMs)
}

const shownRefusal = (refusal: Refusal) => ('status' in refusal ? `status ${refusal.status}` : refusal.reason)
