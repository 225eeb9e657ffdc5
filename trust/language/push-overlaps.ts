/**
 * Names that jobs of two sources may push. `acme` at GitHub and `acme` at GitLab may be different people, and each
 * could replace the other's images.
 */

import { quote } from '../decision/quote.ts'
import { parseTemplate } from '../decision/repository-names.ts'
import { isSameGitHub } from '../platforms/github-issuer.ts'
import type { Finding } from './findings.ts'
import { globsMeet } from './globs-meet.ts'
import type { RuleSettings } from './rule-schema.ts'
import type { TrustSource } from './source-schema.ts'

/** How many patterns one name template is expanded to; beyond that, only part of a rule is compared. */
const MAX_PATTERNS_PER_TEMPLATE = 32
/** How many pairs are compared, which takes up to a second; further ones get no warning. */
const MAX_COMPARISONS = 200_000

interface Pushed {
  readonly rule: number
  readonly pattern: string
}

/** One warning for each pair of sources whose rules push the same name. */
export function pushOverlaps(
  rules: readonly { readonly number: number; readonly settings: RuleSettings }[],
  sources: readonly TrustSource[],
): Finding[] {
  const bySource = sources.map((source) => ({ source, pushed: pushedBy(source.slug, rules) }))
  const findings: Finding[] = []
  let left = MAX_COMPARISONS
  for (const [index, one] of bySource.entries()) {
    for (const other of bySource.slice(index + 1)) {
      if (sharesNames(one.source, other.source)) continue
      const met = firstMeeting(one.pushed, other.pushed, left)
      left -= met.compared
      if (met.found !== undefined) findings.push(finding(one.source.slug, other.source.slug, ...met.found))
    }
  }
  return findings
}

/** An enterprise of GitHub with an issuer of its own: names mean the same there as on the whole server. */
function sharesNames(one: TrustSource, other: TrustSource): boolean {
  return one.platform === 'github' && other.platform === 'github' && isSameGitHub(one.issuer, other.issuer)
}

function finding(slug: string, otherSlug: string, one: Pushed, other: Pushed): Finding {
  const later = one.rule > other.rule ? { ...one, slug } : { ...other, slug: otherSlug }
  const earlier = one.rule > other.rule ? { ...other, slug: otherSlug } : { ...one, slug }
  const same = later.pattern === earlier.pattern ? '' : ` (as ${quote(earlier.pattern)})`
  const wrong =
    `jobs of ${later.slug} push ${quote(later.pattern)}, and so do jobs of ${earlier.slug} by rule ${earlier.rule}` +
    `${same}: the owner of a name on one platform can replace the images of its owner on the other`
  const example = `a name of its own for one of them, such as "${later.slug.toLowerCase()}/{...}"`
  return { severity: 'warning', code: 'pushed-by-two-sources', rule: later.rule, field: 'push', wrong, example }
}

function pushedBy(slug: string, rules: Parameters<typeof pushOverlaps>[0]): Pushed[] {
  const first = new Map<string, number>()
  for (const { number, settings } of rules) {
    if (settings.source !== slug) continue
    for (const template of settings.push ?? []) {
      for (const pattern of patternsOf(template, settings.claims)) {
        if (!first.has(pattern)) first.set(pattern, number)
      }
    }
  }
  return [...first].map(([pattern, rule]) => ({ pattern, rule }))
}

function firstMeeting(one: readonly Pushed[], other: readonly Pushed[], limit: number) {
  const byFolder = Map.groupBy(other, ({ pattern }) => folder(pattern))
  let compared = 0
  for (const left of one) {
    const own = folder(left.pattern)
    const near = own === undefined ? other : [...(byFolder.get(own) ?? []), ...(byFolder.get(undefined) ?? [])]
    for (const right of near) {
      if (compared >= limit) return { compared, found: undefined }
      compared += 1
      if (globsMeet(left.pattern, right.pattern)) return { compared, found: [left, right] as const }
    }
  }
  return { compared, found: undefined }
}

/** The part before the first "/", if it has no wildcard. */
export function folder(pattern: string): string | undefined {
  const [first = ''] = pattern.split('/')
  return first.includes('*') ? undefined : first
}

/** A name template with the rule's own patterns in place of its claims. */
export function patternsOf(template: string, claims: RuleSettings['claims']): string[] {
  let patterns = ['']
  for (const [index, piece] of parseTemplate(template).entries()) {
    const pieces = index % 2 === 0 ? [piece] : valuesOf(piece, claims).map((value) => value.toLowerCase())
    patterns = patterns.flatMap((start) => pieces.map((end) => start + end)).slice(0, MAX_PATTERNS_PER_TEMPLATE)
  }
  return [...new Set(patterns.map((pattern) => pattern.replaceAll(/\*{3,}/g, '**')))]
}

/** The values that a claim can have: by its own patterns, by those of the owner in it, or any. */
function valuesOf(claim: string, claims: RuleSettings['claims']): readonly string[] {
  const own = claims[claim]
  if (own !== undefined) return own
  if (claim === 'repository') return claims.repository_owner?.map((owner) => `${owner}/*`) ?? ['*/*']
  if (claim === 'project_path') return claims.namespace_path?.map((namespace) => `${namespace}/*`) ?? ['**']
  return [claim === 'repository_owner' ? '*' : '**']
}
