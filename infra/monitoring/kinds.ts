/**
 * Which kinds of the Prometheus operator a cluster has. Without them Kubernetes refuses the objects, so the program
 * asks at each run: where they appear later, the next `up` adds what belongs to them.
 */
import { CustomObjectsApi } from '@kubernetes/client-node'
import * as pulumi from '@pulumi/pulumi'
import {
  ClusterProblem,
  clusterName,
  type KubernetesAccess,
  loadKubeconfig,
  providersAccess,
  type Refusal,
  withinLimit,
} from '../kubernetes/cluster-access.ts'

export const MONITORING_API = { group: 'monitoring.coreos.com', version: 'v1' } as const

/** Those that the stack has objects of. */
export const monitoringKinds = ['PodMonitor', 'PrometheusRule', 'ServiceMonitor'] as const
export type MonitoringKind = (typeof monitoringKinds)[number]

/** @throws ClusterProblem if the cluster does not say */
export async function findMonitoringKinds(access: KubernetesAccess): Promise<ReadonlySet<MonitoringKind>> {
  const config = loadKubeconfig(access)
  const asked = config
    .makeApiClient(CustomObjectsApi)
    .getAPIResources(MONITORING_API)
    .catch((error: { code?: unknown }) => {
      // No such group: there is no operator.
      if (error.code === 404) return { resources: [] }
      throw error
    })
  const { resources } = await withinLimit(
    asked,
    (refusal) => new ClusterProblem(problemOf(clusterName(config), refusal)),
  )
  const found = new Set(resources.map(({ kind }) => kind))
  return new Set(monitoringKinds.filter((kind) => found.has(kind)))
}

const problemOf = (server: string, refusal: Refusal) =>
  'status' in refusal
    ? `${server} does not say whether it has the kinds of the Prometheus operator (${refusal.status}).`
    : `${server} cannot be reached (${refusal.reason}).`

/**
 * As {@link findMonitoringKinds}, of the stack's own cluster.
 *
 * @throws RunError if the cluster does not say: to go on as if it had none would take the alerts away
 */
export async function readMonitoringKinds(): Promise<ReadonlySet<MonitoringKind>> {
  try {
    return await findMonitoringKinds(await providersAccess())
  } catch (error) {
    if (!(error instanceof ClusterProblem)) throw error
    throw new pulumi.RunError(
      `passwordless-registry:monitoring: ${error.message}\n` +
        '  The program has to know which kinds of alerts and monitors the cluster has; nothing was changed. Is\n' +
        '  kubernetes:context (or KUBECONFIG) right? To do without them:\n' +
        "  pulumi config set --path 'monitoring.objects' false",
    )
  }
}
