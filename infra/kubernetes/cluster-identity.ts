/**
 * Who signs the tokens of a cluster's service accounts: read from its API server, which publishes issuer and keys also
 * where only the API server can reach the issuer's own address.
 *
 * The provider for Kubernetes has no request for these two documents, so this asks by the official client, with the
 * same kubeconfig and context; it knows client certificates, exec plug-ins of the cloud providers and proxies.
 */
import { KubeConfig, OpenidApi, WellKnownApi } from '@kubernetes/client-node'
import * as pulumi from '@pulumi/pulumi'
import { z } from 'zod'
import type { ClusterIdentity, PullingCluster } from '../../trust/language/cluster-pulls.ts'
import { plainConfig } from '../plain-config.ts'

/** Time for both answers; an exec plug-in that logs in at a cloud provider takes a few seconds of it. */
const ANSWER_LIMIT_MS = 20_000
/** A cluster has two or three keys while it rotates them. */
const MAX_KEYS = 20
/** How much of a foreign message an error shows. */
const SHOWN_CHARACTERS = 160

const discovery = z.object({ issuer: z.string().min(1) })
const keySet = z.object({
  keys: z
    .array(z.looseObject({ kid: z.string().min(1) }))
    .min(1)
    .max(MAX_KEYS),
})

/** What is wrong with a cluster, in a sentence for the person who runs the program. */
export class ClusterProblem extends Error {}

/** Where the provider finds its cluster. */
export interface KubernetesAccess {
  /** The text of a kubeconfig, or its path; without one, the usual places. */
  readonly kubeconfig: string | undefined
  /** Without one, the kubeconfig's current context. */
  readonly context: string | undefined
}

/** @throws ClusterProblem if the cluster cannot be asked or does not say who signs */
export async function readClusterIdentity(access: KubernetesAccess): Promise<ClusterIdentity> {
  const config = loadKubeconfig(access)
  const server = `the cluster of context ${JSON.stringify(config.getCurrentContext())} (${config.getCurrentCluster()?.server})`
  const [document, keys] = await withinLimit(server, [
    config.makeApiClient(WellKnownApi).getServiceAccountIssuerOpenIDConfiguration(),
    config.makeApiClient(OpenidApi).getServiceAccountIssuerOpenIDKeyset(),
  ])
  const [found, jwks] = [discovery.safeParse(parsed(document)), keySet.safeParse(parsed(keys))]
  if (!found.success || !jwks.success) {
    const wrong = found.success ? 'keys at /openid/v1/jwks' : 'issuer at /.well-known/openid-configuration'
    throw new ClusterProblem(
      `${server} does not publish the ${wrong}; --service-account-issuer of its API server has to be set.`,
    )
  }
  return { issuer: found.data.issuer, jwks: { keys: jwks.data.keys } }
}

/** @throws ClusterProblem */
function loadKubeconfig({ kubeconfig, context }: KubernetesAccess): KubeConfig {
  const config = new KubeConfig()
  try {
    if (kubeconfig === undefined) config.loadFromDefault()
    else if (/[\n{]/.test(kubeconfig)) config.loadFromString(kubeconfig)
    else config.loadFromFile(kubeconfig)
  } catch (error) {
    // The parser's message can quote the file, and with it a token.
    const code = (error as NodeJS.ErrnoException).code ?? 'it is not a kubeconfig'
    throw new ClusterProblem(`the kubeconfig cannot be read (${code}); set kubernetes:kubeconfig or KUBECONFIG.`)
  }
  if (context !== undefined) config.setCurrentContext(context)
  if (config.getCurrentCluster() === null) {
    const known = config.getContexts().map(({ name }) => name)
    throw new ClusterProblem(
      `the kubeconfig has no context ${JSON.stringify(config.getCurrentContext() ?? '')}; it has ${known.join(', ') || 'none'}.`,
    )
  }
  return config
}

async function withinLimit(server: string, answers: readonly Promise<unknown>[]): Promise<unknown[]> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_LIMIT_MS / 1000} s`)), ANSWER_LIMIT_MS)
  try {
    return await Promise.race([Promise.all(answers), late])
  } catch (error) {
    throw new ClusterProblem(problemOf(server, error))
  } finally {
    clearTimeout(timer)
  }
}

function problemOf(server: string, error: unknown): string {
  const { code, cause, message } = error as { code?: unknown; cause?: { code?: string }; message?: string }
  if (code === 401 || code === 403) {
    return (
      `${server} refuses to say who signs its tokens (${code}); bind the ClusterRole ` +
      'system:service-account-issuer-discovery to the user of the kubeconfig.'
    )
  }
  if (typeof code === 'number') return `${server} answers ${code} where it should publish issuer and keys.`
  const reason = cause?.code ?? (typeof code === 'string' ? code : shown(message ?? ''))
  return `${server} cannot be reached (${reason}), so its keys are not known; is kubernetes:context (or KUBECONFIG) right?`
}

/** The client calls the answers texts, and has parsed those that are of JSON's media type. */
function parsed(answer: unknown): unknown {
  try {
    return typeof answer === 'string' ? JSON.parse(answer) : answer
  } catch {
    return undefined
  }
}

function shown(text: string): string {
  const words = text.replace(/[\p{C}\s]+/gu, ' ').trim()
  return words.length > SHOWN_CHARACTERS ? `${words.slice(0, SHOWN_CHARACTERS)}…` : words || 'no reason known'
}

/** By slug: who signs the tokens of a cluster, or why that is not known. */
export type ClusterIdentities = ReadonlyMap<string, ClusterIdentity | ClusterProblem>

/** Asks each cluster, with the kubeconfig that the stack gives the provider. */
export async function readClusterIdentities(clusters: readonly PullingCluster[]): Promise<ClusterIdentities> {
  const config = new pulumi.Config('kubernetes')
  const given = await plainConfig(config.getSecret('kubeconfig'))
  const identity = ({ context }: PullingCluster) =>
    readClusterIdentity({ kubeconfig: given || undefined, context: context ?? (config.get('context') || undefined) })
  const entries = clusters.map(async (cluster) => {
    const found = await identity(cluster).catch((error: unknown) => {
      if (error instanceof ClusterProblem) return error
      throw error
    })
    return [cluster.slug, found] as const
  })
  return new Map(await Promise.all(entries))
}
