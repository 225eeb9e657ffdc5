/** What one list of rules grants that another does not: rules that are only moved, split or rewritten are no change. */
import type { TrustRule } from '../language/rule-schema.ts'
import type { TrustSource } from '../language/source-schema.ts'
import { type Grant, ruleCovers } from './covers.ts'

/** The part of a rule that the other side does not grant. */
export interface RulePart {
  /** The rule, with those claims' patterns and names alone that make the difference. */
  readonly rule: TrustRule
  /** Whether it is all of the rule. */
  readonly whole: boolean
}

/** One rule is compared in at most so many parts; a longer one is compared as a whole for each of its names. */
const MAX_PARTS_PER_RULE = 512

/** What `rules` grant and `others` do not, in the order of the rules. */
export function grantedOnlyBy(
  rules: readonly TrustRule[],
  others: readonly TrustRule[],
  sources: readonly TrustSource[],
): RulePart[] {
  const unchanged = new Set(others.map(content))
  const candidates = indexRules(others)
  const platforms = new Map(sources.map(({ slug, platform }) => [slug, platform]))
  return rules.flatMap((rule) => {
    if (unchanged.has(content(rule))) return []
    const grants = split(rule, platforms.get(rule.source) ?? 'oidc')
    const alone = grants.filter((grant) => !candidates(grant).some((other) => ruleCovers(other, grant)))
    return alone.length === 0 ? [] : [{ rule: joined(rule, alone), whole: alone.length === grants.length }]
  })
}

/** A rule without its number, which changes with each rule that is added before it. */
export function content({ source, claims, push, pull, delete: deletes, catalog }: TrustRule): string {
  return JSON.stringify([source, claims.toSorted(byName), push, pull, deletes, catalog])
}

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]) => (one < other ? -1 : 1)

/** One grant for each combination of one pattern of each claim, and each name. */
function split(rule: TrustRule, platform: Grant['platform']): Grant[] {
  const named = (['push', 'pull', 'delete'] as const).flatMap((action) =>
    rule[action].map((template) => ({ action, template })),
  )
  const what = [...named, ...(rule.catalog ? [{ action: 'catalog' as const, template: '' }] : [])]
  const combinations = rule.claims.reduce((product, [, patterns]) => product * patterns.length, what.length)
  let jobs: [string, readonly string[]][][] = [[]]
  for (const [claim, patterns] of rule.claims) {
    const choices = combinations > MAX_PARTS_PER_RULE ? [patterns] : patterns.map((pattern) => [pattern])
    jobs = jobs.flatMap((job) => choices.map((choice): typeof job => [...job, [claim, choice]]))
  }
  return jobs.flatMap((job) =>
    what.map(({ action, template }) => ({ source: rule.source, platform, claims: new Map(job), action, template })),
  )
}

/** The rule with what these grants name. */
function joined(rule: TrustRule, grants: readonly Grant[]): TrustRule {
  const names = (action: Grant['action']) => [
    ...new Set(grants.filter((grant) => grant.action === action).map(({ template }) => template)),
  ]
  return {
    ...rule,
    claims: rule.claims.map(([claim, patterns]) => {
      const named = new Set(grants.flatMap(({ claims }) => claims.get(claim) ?? []))
      return [claim, patterns.filter((pattern) => named.has(pattern))] as const
    }),
    push: names('push'),
    pull: names('pull'),
    delete: names('delete'),
    catalog: grants.some(({ action }) => action === 'catalog'),
  }
}

/**
 * Finds the rules that can cover a grant without a look at all of them: a rule whose claim has only whole values covers
 * only jobs that name one of these.
 */
function indexRules(rules: readonly TrustRule[]): (grant: Grant) => readonly TrustRule[] {
  const uses = new Map<string, number>()
  const keys = rules.map((rule) => rule.claims.filter(isExact).map((claim) => claimKeys(rule.source, claim)))
  for (const key of keys.flat(2)) uses.set(key, (uses.get(key) ?? 0) + 1)
  const bySource = new Map<string, TrustRule[]>()
  const byValue = new Map<string, TrustRule[]>()
  const add = (index: Map<string, TrustRule[]>, key: string, rule: TrustRule) => {
    const held = index.get(key)
    if (held === undefined) index.set(key, [rule])
    else held.push(rule)
  }
  for (const [at, rule] of rules.entries()) {
    const rarest = (keys[at] ?? []).toSorted((a, b) => commonness(a, uses) - commonness(b, uses))[0]
    if (rarest === undefined) add(bySource, rule.source, rule)
    else for (const key of rarest) add(byValue, key, rule)
  }
  return (grant) => [
    ...(bySource.get(grant.source) ?? []),
    ...[...grant.claims].filter(isExact).flatMap((claim) => {
      const [first = ''] = claimKeys(grant.source, claim)
      return byValue.get(first) ?? []
    }),
  ]
}

const isExact = ([, patterns]: readonly [string, readonly string[]]) =>
  patterns.every((pattern) => !pattern.includes('*'))

// Some names match in any case; a key that is too wide costs only time.
function claimKeys(source: string, [claim, patterns]: readonly [string, readonly string[]]): string[] {
  return patterns.map((pattern) => JSON.stringify([source, claim, pattern.toLowerCase()]))
}

function commonness(keys: readonly string[], uses: ReadonlyMap<string, number>): number {
  return keys.reduce((sum, key) => sum + (uses.get(key) ?? 0), 0)
}
