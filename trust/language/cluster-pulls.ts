/**
 * The setting `clusterPulls`: the Kubernetes clusters whose pods pull with the token of their service account. Each
 * becomes a source, with issuer and keys as the cluster itself publishes them, and a rule for the namespaces named.
 */
import { z } from 'zod'
import { quote } from '../decision/quote.ts'
import type { Finding } from './findings.ts'
import { CLUSTER_SOURCE } from './service-accounts.ts'
import { type SourceSettings, sourceSchema } from './source-schema.ts'

/** One cluster, as the stack's configuration names it. */
export interface PullingCluster {
  /** Slug of its source. */
  readonly slug: string
  /** Context of the kubeconfig; undefined for the cluster in which the registry runs. */
  readonly context: string | undefined
  readonly audience: string | undefined
  /** As in the short form `kubernetes`; rules.ts checks them. Without any, the rules of the stack name the cluster. */
  readonly namespaces: readonly unknown[]
}

/** Who signs the tokens of a cluster's service accounts, as the cluster says itself. */
export interface ClusterIdentity {
  readonly issuer: string
  readonly jwks: NonNullable<SourceSettings['jwks']>
}

const example = '[shop, "team-*"], or true'

const entrySchema = z.strictObject({
  slug: sourceSchema.shape.slug.optional(),
  context: z.string({ error: 'is not text' }).min(1, { error: 'is empty' }).optional(),
  audience: sourceSchema.shape.audience,
  namespaces: z.array(z.unknown(), { error: 'is not a list' }).optional(),
})

/**
 * The setting as a stack needs it whose own pods ask for tokens, whether or not others pull: with this cluster as a
 * source. A source `cluster` that a person wrote stays as it is.
 *
 * @param sources the setting of that name
 */
export function withOwnCluster(clusterPulls: unknown, sources: unknown): unknown {
  const { clusters, findings } = parseClusterPulls(clusterPulls)
  const isWritten = Array.isArray(sources) && sources.some((source) => source?.slug === CLUSTER_SOURCE)
  if (isWritten || findings.length > 0 || clusters.some(({ context }) => context === undefined)) return clusterPulls
  return clusters.length === 0 ? true : [...(clusterPulls as unknown[]), {}]
}

/**
 * Reads the setting: `true`, or a list of namespaces of the registry's own cluster and of clusters.
 *
 * @param value as the configuration has it; `false`, an empty list and undefined name no cluster
 */
export function parseClusterPulls(value: unknown): { clusters: PullingCluster[]; findings: Finding[] } {
  const own = { slug: CLUSTER_SOURCE, context: undefined, audience: undefined }
  if (value === undefined || value === '' || value === false) return { clusters: [], findings: [] }
  if (value === true) return { clusters: [{ ...own, namespaces: [] }], findings: [] }
  if (!Array.isArray(value))
    return { clusters: [], findings: [mistake('clusterPulls', `${quote(value)} is not a list`)] }

  const namespaces = value.filter((entry) => typeof entry === 'string')
  const clusters: PullingCluster[] = namespaces.length === 0 ? [] : [{ ...own, namespaces }]
  const findings: Finding[] = []
  for (const [index, entry] of value.entries()) {
    if (typeof entry === 'string') continue
    const at = `clusterPulls[${index}]`
    const { data, error } = entrySchema.safeParse(entry)
    if (data === undefined) {
      findings.push(...error.issues.map((issue) => mistake([at, ...issue.path].join('.'), issue.message, OF_CLUSTER)))
    } else if (data.context !== undefined && data.slug === undefined) {
      findings.push(mistake(`${at}.slug`, 'a cluster of another context needs a slug for its source', OF_CLUSTER))
    } else {
      const { slug = CLUSTER_SOURCE, context, audience, namespaces: named = [] } = data
      clusters.push({ slug, context, audience, namespaces: named })
    }
  }
  return { clusters, findings }
}

const OF_CLUSTER = '{ slug: edge, context: edge-cluster, namespaces: [shop] }'

function mistake(field: string, wrong: string, right = example): Finding {
  return { severity: 'error', code: 'cluster-pulls', field, wrong, example: right }
}

/** The source of a cluster, as if a person had written it. */
export function clusterSource({ slug, audience }: PullingCluster, identity: ClusterIdentity): SourceSettings {
  return { slug, platform: 'oidc', audience, ...identity }
}

/** The rules that follow from the namespaces named, as if a person had written them. */
export function clusterRules(clusters: readonly PullingCluster[]): unknown[] {
  const named = clusters.filter(({ namespaces }) => namespaces.length > 0)
  return named.map(({ slug, namespaces }) => ({ kubernetes: { namespaces, source: slug } }))
}
