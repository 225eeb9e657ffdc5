/** Deployments that lack pods, and why. A Deployment whose next pod cannot be made may still answer, by its last one. */
import { Cluster } from '../plugins/kubernetes/cluster.ts'
import { idOf } from '../plugins/kubernetes/object.ts'
import { judge } from '../plugins/kubernetes/readiness.ts'
import { reasonsAgainst } from '../plugins/kubernetes/reasons.ts'

const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment' }
/** A Deployment's readiness hangs on nothing else. */
const ALONE = { endpoints: 0, bindsLate: false, servicesWithoutEndpoints: [] }

export interface MissingPods {
  /** `namespace/name` */
  readonly deployment: string
  /** `1 of 2 replicas available, 0 up to date, 2 in all` */
  readonly state: string
  /** One sentence each, from conditions, events and containers. */
  readonly reasons: readonly string[]
}

/** Looks at all namespaces. */
export async function missingPods(kubeconfig: string): Promise<MissingPods[]> {
  const cluster = await Cluster.connect({ kubeconfig })
  const deployments = await cluster.list(DEPLOYMENT, undefined, {})
  const found = await Promise.all(
    deployments.map(async (deployment) => {
      const { ready, reason = '' } = judge(deployment, ALONE)
      if (ready) return []
      return [{ deployment: idOf(deployment), state: reason, reasons: await reasonsAgainst(cluster, deployment) }]
    }),
  )
  return found.flat()
}
