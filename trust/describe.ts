/** Rules in words, one line each, so that a review of a preview shows what trust changes. */
import type { Platform } from './platform-claims.ts'
import type { TrustRule } from './rules.ts'
import type { TrustSource } from './sources.ts'

const jobs: Record<Platform, string> = { github: 'GitHub repositories', gitlab: 'GitLab projects', oidc: 'jobs' }

/** How claims are said; what is not listed is said by its own name. */
const phrases: Record<string, string> = {
  repository: 'named',
  repository_id: 'with id',
  repository_owner: 'whose owner is called',
  repository_owner_id: 'of owner',
  project_path: 'named',
  project_id: 'with id',
  namespace_path: 'whose namespace is called',
  namespace_id: 'in namespace',
  environment: 'in environment',
  event_name: 'started by',
  pipeline_source: 'started by',
}

/** One line for each rule, in order, such as "GitHub repositories of owner 501 on main or a tag: push to {repository}". */
export function describeRules(rules: readonly TrustRule[], sources: readonly TrustSource[]): string[] {
  return rules.map((rule) => describeRule(rule, sources))
}

function describeRule(rule: TrustRule, sources: readonly TrustSource[]): string {
  const source = sources.find(({ slug }) => slug === rule.source)
  const platform = source?.platform ?? 'oidc'
  // The slug says which one where it is not simply the platform's own.
  const who = rule.source === platform ? jobs[platform] : `${jobs[platform]} at ${rule.source}`
  const claims = rule.claims.map(([claim, patterns]) => describeClaim(claim, patterns))
  return `${[who, ...claims].join(' ')}: ${describeGrants(rule)}`
}

function describeClaim(claim: string, patterns: readonly string[]): string {
  if (claim === 'ref' || claim === 'ref_path') return `on ${either(patterns.map(describeRef))}`
  return `${phrases[claim] ?? `with ${claim}`} ${either(patterns)}`
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
