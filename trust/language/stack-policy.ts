/** The policy of a stack, read only from its configuration files: no Pulumi, no network. */

import { loadPolicy, type Policy } from '../decision/policy.ts'
import {
  type ClusterIdentity,
  clusterRules,
  clusterSource,
  parseClusterPulls,
  withOwnCluster,
} from './cluster-pulls.ts'
import { compileDocument, REGISTRY_APPLICATION, sessionNames } from './document.ts'
import { type Finding, hasErrors } from './findings.ts'
import type { TrustRule } from './rule-schema.ts'
import { parseRules } from './rules.ts'
import { parseYaml } from './rules-yaml.ts'
import type { TrustSource } from './source-schema.ts'
import { parseSources } from './sources.ts'

export const PROJECT = 'passwordless-registry'

export interface StackPolicy {
  /** Undefined where a finding is an error. */
  readonly policy: Policy | undefined
  readonly findings: readonly Finding[]
  readonly sources: readonly TrustSource[]
  readonly rules: readonly TrustRule[]
  /** Slugs of sources whose issuer only their cluster knows; one of them has the issuer that was assumed. */
  readonly clusters: readonly string[]
}

/** The issuer of a service account's token, for the source `slug`: by default that of the first cluster. */
export interface AssumedIssuer {
  readonly issuer: string
  readonly slug?: string
}

const hostMissing: Finding = {
  severity: 'error',
  code: 'host-missing',
  field: 'host',
  wrong: 'neither host nor audience is set, so the audience of tokens is not known',
  example: `${PROJECT}:host: registry.example.com`,
}

/**
 * Reads sources, rules and names, and compiles them.
 *
 * @param projectFile the text of Pulumi.yaml, which contains the defaults
 * @param stackFile the text of the stack's configuration file
 * @param assumed what to take for the issuer of a cluster
 */
export function stackPolicy(projectFile: string, stackFile: string, assumed?: AssumedIssuer): StackPolicy {
  const [project, stack] = [parseYaml(projectFile), parseYaml(stackFile)]
  const failed = (findings: readonly Finding[]) => ({
    policy: undefined,
    findings,
    sources: [],
    rules: [],
    clusters: [],
  })
  const unreadable = [...project.findings, ...stack.findings]
  if (unreadable.length > 0) return failed(unreadable)
  // An empty setting is not set (Pulumi.yaml).
  const setting = (name: string): unknown =>
    at(stack.value, 'config', `${PROJECT}:${name}`) || at(project.value, 'config', name, 'default')
  const text = (name: string, otherwise: string) => String(setting(name) || otherwise)

  const audience = text('audience', text('host', ''))
  if (audience === '') return failed([hostMissing])
  const written = parseSources(setting('sources'), audience)
  const { clusters, findings: ofClusters } = parseClusterPulls(
    isOn(setting('probers')) ? withOwnCluster(setting('clusterPulls'), setting('sources')) : setting('clusterPulls'),
  )
  const isKnown = written.sources.some(({ issuer }) => issuer === assumed?.issuer)
  const standing = isKnown ? undefined : (assumed?.slug ?? clusters[0]?.slug)
  const ofCluster = clusters.map((cluster) =>
    clusterSource(cluster, unknownIdentity(cluster.slug, cluster.slug === standing ? assumed?.issuer : undefined)),
  )
  const { sources, findings: ofSources } =
    ofCluster.length === 0 ? written : parseSources([...list(setting('sources')), ...ofCluster], audience)
  const implied = clusterRules(clusters)
  const trust = setting('trust')
  const { rules, findings: ofRules } = parseRules(implied.length === 0 ? trust : [...list(trust), ...implied], sources)
  const findings = [...ofClusters, ...ofSources, ...ofRules]
  if (hasErrors(findings)) return failed(findings)
  const document = compileDocument(sources, rules, {
    application: REGISTRY_APPLICATION,
    groups: { push: text('pushGroup', 'acl_docker_push'), pull: text('pullGroup', 'acl_docker_pull') },
    session: sessionNames,
  })
  return { policy: loadPolicy(document), findings, sources, rules, clusters: clusters.map(({ slug }) => slug) }
}

/**
 * Only the cluster knows its issuer and keys. Nothing here looks at keys; the issuer of others is one that no token
 * has.
 */
function unknownIdentity(slug: string, issuer = `https://${slug.toLowerCase()}.invalid`): ClusterIdentity {
  return { issuer, jwks: { keys: [{ kid: `of ${slug}` }] } }
}

const isOn = (value: unknown) => value === true || value === 'true'

const list = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === '' ? [] : [value]

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (here, key) => (Object(here) === here ? Reflect.get(here as object, key) : undefined),
    value,
  )
}
