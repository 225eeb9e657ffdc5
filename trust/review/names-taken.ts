/** Names that a changed rule can push and that other jobs push already: whoever pushes last decides what is pulled. */
import { globsMeet } from '../language/globs-meet.ts'
import { folder, patternsOf } from '../language/push-overlaps.ts'
import type { TrustRule } from '../language/rule-schema.ts'
import type { TrustSource } from '../language/source-schema.ts'
import { identityClaims, type Platform } from '../platforms/platform-claims.ts'

export interface TakenName {
  readonly rule: TrustRule
  readonly pattern: string
  /** Whose images these are today. */
  readonly owner: TrustRule
}

/** How many pairs of names are compared, which takes up to a second; further ones are not looked at. */
const MAX_COMPARISONS = 200_000

/**
 * One entry for each rule and each earlier rule that it reaches into. Names that begin with a wildcard are left out: by
 * an owner's id alone no rule says which names are its own.
 *
 * @param gained rules of the new revision, with what they did not grant before
 * @param before the rules of the old revision
 */
export function namesTaken(
  gained: readonly TrustRule[],
  before: readonly TrustRule[],
  sources: readonly TrustSource[],
): TakenName[] {
  const platforms = new Map(sources.map(({ slug, platform }) => [slug, platform]))
  const owned = Map.groupBy(
    before.flatMap((owner) => pushed(owner).map((name) => ({ owner, ...name }))),
    (name) => name.folder,
  )
  const found: TakenName[] = []
  let compared = 0
  for (const rule of gained) {
    const met = new Set<TrustRule>()
    for (const name of pushed(rule)) {
      for (const { owner, pattern } of owned.get(name.folder) ?? []) {
        if (met.has(owner) || sameJobs(rule, owner, platforms.get(rule.source))) continue
        if (++compared > MAX_COMPARISONS) return found
        if (!globsMeet(name.pattern, pattern)) continue
        met.add(owner)
        found.push({ rule, pattern: name.pattern, owner })
      }
    }
  }
  return found
}

function pushed(rule: TrustRule): { pattern: string; folder: string }[] {
  const claims = Object.fromEntries(rule.claims.map(([claim, patterns]) => [claim, [...patterns]]))
  const patterns = rule.push.flatMap((template) => patternsOf(template, claims))
  return [...new Set(patterns)].flatMap((pattern) => {
    const first = folder(pattern)
    return first === undefined ? [] : [{ pattern, folder: first }]
  })
}

/** Whether two rules are about jobs of one owner or repository. */
function sameJobs(one: TrustRule, other: TrustRule, platform: Platform = 'oidc'): boolean {
  if (one.source !== other.source) return false
  const { byId, byName } = identityClaims[platform]
  const identities = platform === 'oidc' ? one.claims.map(([claim]) => claim) : [...byId, ...byName]
  const theirs = new Map(other.claims)
  return one.claims.some(
    ([claim, patterns]) =>
      identities.includes(claim) && patterns.some((pattern) => theirs.get(claim)?.includes(pattern)),
  )
}
