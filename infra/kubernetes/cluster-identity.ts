/**
 * Who signs the tokens of a cluster's service accounts: read from its API server, which publishes issuer and keys also
 * where only the API server can reach the issuer's own address.
 */
import { OpenidApi, WellKnownApi } from '@kubernetes/client-node'
import { z } from 'zod'
import type { ClusterIdentity, PullingCluster } from '../../trust/language/cluster-pulls.ts'
import {
  ClusterProblem,
  clusterName,
  type KubernetesAccess,
  loadKubeconfig,
  providersAccess,
  type Refusal,
  withinLimit,
} from './cluster-access.ts'

/** A cluster has two or three keys while it rotates them. */
const MAX_KEYS = 20

const discovery = z.object({ issuer: z.string().min(1) })
const keySet = z.object({
  keys: z
    .array(z.looseObject({ kid: z.string().min(1) }))
    .min(1)
    .max(MAX_KEYS),
})

/** @throws ClusterProblem if the cluster cannot be asked or does not say who signs */
export async function readClusterIdentity(access: KubernetesAccess): Promise<ClusterIdentity> {
  const config = loadKubeconfig(access)
  const server = clusterName(config)
  const answers = Promise.all([
    config.makeApiClient(WellKnownApi).getServiceAccountIssuerOpenIDConfiguration(),
    config.makeApiClient(OpenidApi).getServiceAccountIssuerOpenIDKeyset(),
  ])
  const [document, keys] = await withinLimit(answers, (refusal) => new ClusterProblem(problemOf(server, refusal)))
  const [found, jwks] = [discovery.safeParse(parsed(document)), keySet.safeParse(parsed(keys))]
  if (!found.success || !jwks.success) {
    const wrong = found.success ? 'keys at /openid/v1/jwks' : 'issuer at /.well-known/openid-configuration'
    throw new ClusterProblem(
      `${server} does not publish the ${wrong}; --service-account-issuer of its API server has to be set.`,
    )
  }
  return { issuer: found.data.issuer, jwks: { keys: jwks.data.keys } }
}

function problemOf(server: string, refusal: Refusal): string {
  if (!('status' in refusal)) {
    return `${server} cannot be reached (${refusal.reason}), so its keys are not known; is kubernetes:context (or KUBECONFIG) right?`
  }
  if (refusal.status === 401 || refusal.status === 403) {
    return (
      `${server} refuses to say who signs its tokens (${refusal.status}); bind the ClusterRole ` +
      'system:service-account-issuer-discovery to the user of the kubeconfig.'
    )
  }
  return `${server} answers ${refusal.status} where it should publish issuer and keys.`
}

/** The client calls the answers texts, and has parsed those that are of JSON's media type. */
function parsed(answer: unknown): unknown {
  try {
    return typeof answer === 'string' ? JSON.parse(answer) : answer
  } catch {
    return undefined
  }
}

/** By slug: who signs the tokens of a cluster, or why that is not known. */
export type ClusterIdentities = ReadonlyMap<string, ClusterIdentity | ClusterProblem>

/** Asks each cluster, with the kubeconfig that the stack gives the provider. */
export async function readClusterIdentities(clusters: readonly PullingCluster[]): Promise<ClusterIdentities> {
  const own = await providersAccess()
  const identity = ({ context }: PullingCluster) => readClusterIdentity({ ...own, context: context ?? own.context })
  const entries = clusters.map(async (cluster) => {
    const found = await identity(cluster).catch((error: unknown) => {
      if (error instanceof ClusterProblem) return error
      throw error
    })
    return [cluster.slug, found] as const
  })
  return new Map(await Promise.all(entries))
}
