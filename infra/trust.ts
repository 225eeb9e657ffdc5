/**
 * The stack's sources and trust rules: checked, compiled for authentik and the token service, and described in words.
 */

import {
  type ClusterIdentity,
  clusterRules,
  clusterSource,
  parseClusterPulls,
} from '../trust/language/cluster-pulls.ts'
import { describeRules } from '../trust/language/describe.ts'
import { compileDocument, REGISTRY_APPLICATION, sessionNames } from '../trust/language/document.ts'
import { type Finding, findingSentence, hasErrors } from '../trust/language/findings.ts'
import { parseRules } from '../trust/language/rules.ts'
import { CLUSTER_SOURCE } from '../trust/language/service-accounts.ts'
import type { TrustSource } from '../trust/language/source-schema.ts'
import { parseSources } from '../trust/language/sources.ts'
import { MAX_DOCUMENT_BYTES } from '../trust/limits.ts'

export interface Trust {
  /** The compiled rules, JSON. */
  readonly document: string
  /** One line for each rule. */
  readonly inWords: readonly string[]
}

/** What a stack says about trust, as in its configuration. */
export interface TrustSettings {
  sources: unknown
  rules: unknown
  clusterPulls?: unknown
  /** By slug: who signs the tokens of each cluster, or a sentence that says why that is not known. */
  clusterIdentities?: ReadonlyMap<string, ClusterIdentity | Error>
  /** Rules that other settings imply for the registry's own cluster, as if a person had written them. */
  rulesOfCluster?: readonly unknown[]
  audience: string
  groups: { push: string; pull: string }
}

export interface CheckedTrust {
  sources: readonly TrustSource[]
  trust: Trust
  /** What stops the program; then nothing else here may be used. One line each, without the project's name. */
  mistakes: readonly string[]
  /** What works, but could cause trouble or be better. */
  warnings: readonly string[]
}

const NO_RULES =
  'trust: there is no rule, so no CI job can push or pull, only members of the groups; ' +
  'use instead: [{ github: { owners: [{ name: acme, id: "501" }] } }]'

/** Reads sources and rules, and finds every mistake in them. */
export function checkTrust({ audience, groups, ...given }: TrustSettings): CheckedTrust {
  const { clusters, findings: ofClusters } = parseClusterPulls(given.clusterPulls)
  const known = clusters.flatMap((cluster) => {
    const identity = given.clusterIdentities?.get(cluster.slug)
    return identity === undefined || identity instanceof Error ? [] : [clusterSource(cluster, identity)]
  })
  const unknown = clusters.flatMap(({ slug }) => {
    const problem = given.clusterIdentities?.get(slug)
    return problem instanceof Error ? [`clusterPulls: ${problem.message}`] : []
  })
  const { sources, findings: ofSources } = parseSources(and(given.sources, known), audience)
  const hasCluster = known.some(({ slug }) => slug === CLUSTER_SOURCE)
  const implied = [...clusterRules(clusters), ...(hasCluster ? (given.rulesOfCluster ?? []) : [])]
  // Without the source of a cluster its rules cannot be checked, and the missing source is the mistake.
  const { rules, findings: ofRules } =
    unknown.length > 0 ? { rules: [], findings: [] } : parseRules(and(given.rules, implied), sources)
  const names = { application: REGISTRY_APPLICATION, groups, session: sessionNames }
  const document = JSON.stringify(compileDocument(sources, rules, names))
  const size = Buffer.byteLength(document)

  // The field of a source begins with the name of the setting; that of a rule follows its number.
  const found = [
    ...[...ofClusters, ...ofSources].map((finding) => ({ finding, text: findingSentence(finding) })),
    ...ofRules.map((finding) => ({ finding, text: `trust: ${findingSentence(finding)}` })),
  ]
  const texts = (stops: boolean) => found.filter(({ finding }) => isError(finding) === stops).map(({ text }) => text)
  const mistakes = [...texts(true), ...unknown]
  if (size > MAX_DOCUMENT_BYTES) {
    mistakes.push(`trust: the compiled rules have ${size} bytes; at most ${MAX_DOCUMENT_BYTES} fit into a ConfigMap`)
  }
  const isEmpty = rules.length === 0 && mistakes.length === 0
  return {
    sources,
    trust: { document, inWords: describeRules(rules, sources) },
    mistakes,
    warnings: isEmpty ? [...texts(false), NO_RULES] : texts(false),
  }
}

/** A list with more entries; what is not a list stays as it is, for its own check. */
function and(given: unknown, more: readonly unknown[]): unknown {
  if (more.length === 0) return given
  return Array.isArray(given) ? [...given, ...more] : given === '' || given === undefined ? more : [given, ...more]
}

const isError = (finding: Finding) => hasErrors([finding])
