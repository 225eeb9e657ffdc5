/** Rules in words, one line each, so that a review of a preview shows what trust changes. */
import type { Platform } from '../platforms/platform-claims.ts'
import type { TrustRule } from './rule-schema.ts'
import { CLUSTER_SOURCE, serviceAccountOf } from './service-accounts.ts'
import type { TrustSource } from './source-schema.ts'

const jobs: Record<Platform, string> = { github: 'GitHub repositories', gitlab: 'GitLab projects', oidc: 'jobs' }

/** Claims in words; one that is not listed keeps its own name. */
const phrases: Record<string, string> = {
  repository: 'named',
  repository_id: 'with id',
  repository_owner: 'whose owner is called',
  repository_owner_id: 'of owner',
  project_path: 'named',
  project_id: 'with id',
  namespace_id: 'in namespace',
  environment: 'in environment',
  event_name: 'started by',
  pipeline_source: 'started by',
}

/**
 * One line for each rule, in order, such as "push to {repository}: GitHub repositories of owner 501 on main or a tag".
 * Grants come first, since Pulumi cuts long lines in a preview.
 */
export function describeRules(rules: readonly TrustRule[], sources: readonly TrustSource[]): string[] {
  return rules.map((rule) => describeRule(rule, sources))
}

function describeRule(rule: TrustRule, sources: readonly TrustSource[]): string {
  const source = sources.find(({ slug }) => slug === rule.source)
  const platform = source?.platform ?? 'oidc'
  // The slug says which source it is, unless it is the platform's name.
  const who = rule.source === platform ? jobs[platform] : `${jobs[platform]} at ${rule.source}`
  const accounts = describeAccounts(rule.claims)
  if (accounts !== undefined) {
    const at = rule.source === CLUSTER_SOURCE ? '' : ` at ${rule.source}`
    return `${describeGrants(rule)}: ${accounts}${at}`
  }
  const claims = rule.claims.map(([claim, patterns]) => describeClaim(claim, patterns))
  return `${describeGrants(rule)}: ${[who, ...claims].join(' ')}`
}

/** A rule for service accounts of Kubernetes and nothing else, in words; undefined for all others. */
function describeAccounts(claims: TrustRule['claims']): string | undefined {
  const [first, ...others] = claims
  if (first?.[0] !== 'sub' || others.length > 0) return undefined
  const accounts = first[1].map(serviceAccountOf)
  if (!accounts.every((account) => account !== undefined)) return undefined
  const inWords = [...Map.groupBy(accounts, ({ namespace }) => namespace)].map(([namespace, of]) => {
    const names = of.map(({ name }) => name)
    const where = `of ${namespace.endsWith('*') ? 'namespaces' : 'namespace'} ${namespace}`
    return names.includes('*') ? `service accounts ${where}` : `service account ${either(names)} ${where}`
  })
  return either(inWords)
}

function describeClaim(claim: string, patterns: readonly string[]): string {
  if (claim === 'ref' || claim === 'ref_path') return `on ${either(patterns.map(describeRef))}`
  if (claim === 'namespace_path') return describeNamespaces(patterns)
  return `${phrases[claim] ?? `with ${claim}`} ${either(patterns)}`
}

/** Subgroups are matched by name even where the namespace has an id: see short-forms.ts. */
function describeNamespaces(patterns: readonly string[]): string {
  const below = patterns.filter((pattern) => /^[^*]+\/\*\*$/.test(pattern)).map((pattern) => pattern.slice(0, -3))
  const whole = patterns.filter((pattern) => !pattern.endsWith('/**') || !below.includes(pattern.slice(0, -3)))
  return [
    ...(whole.length > 0 ? [`whose namespace is called ${either(whole)}`] : []),
    ...(below.length > 0 ? [`in subgroups of ${either(below)}, which are matched by name`] : []),
  ].join(' or ')
}

function describeRef(pattern: string): string {
  if (/^refs\/tags\/\*+$/.test(pattern)) return 'a tag'
  if (/^refs\/heads\/\*+$/.test(pattern)) return 'a branch'
  const [, kind, name] = /^refs\/(heads|tags)\/(.+)$/.exec(pattern) ?? []
  if (name === undefined) return pattern
  return kind === 'tags' ? `tag ${name}` : name
}

function describeGrants({ push, pull, delete: deletes, catalog }: TrustRule): string {
  return [
    ...(push.length > 0 ? [`push to ${both(push)}`] : []),
    ...(pull.length > 0 ? [`pull ${both(pull)}`] : []),
    ...(deletes.length > 0 ? [`delete in ${both(deletes)}`] : []),
    ...(catalog ? ['list the catalog'] : []),
  ].join(', ')
}

const either = (items: readonly string[]) => new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(items)
const both = (items: readonly string[]) => new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(items)
