/**
 * Whether one pattern matches everything that another matches, and whether one rule grants all that a part of another
 * grants. Where the answer is not certain it is no: a review then mentions a change that changes nothing, and never
 * leaves one out.
 */
import { comparedPattern } from '../decision/claim-texts.ts'
import { parseTemplate } from '../decision/repository-names.ts'
import type { TrustRule } from '../language/rule-schema.ts'
import type { Platform } from '../platforms/platform-claims.ts'

export type GrantedAction = 'push' | 'pull' | 'delete'

/** A part of a rule: each claim with the patterns of this part, and one name pattern for one action. */
export interface Grant {
  readonly source: string
  readonly platform: Platform
  readonly claims: ReadonlyMap<string, readonly string[]>
  /** `catalog` has the empty name pattern. */
  readonly action: GrantedAction | 'catalog'
  readonly template: string
}

/** Whether `wide` matches every text that `narrow` matches. */
export function patternCovers(wide: string, narrow: string): boolean {
  return wide === narrow || tokensCover(tokens(wide), tokens(narrow))
}

/**
 * Whether a rule lets every job of the grant do what the grant says.
 *
 * @param rule a rule of the grant's source
 */
export function ruleCovers(rule: TrustRule, grant: Grant): boolean {
  const { platform, claims } = grant
  const holds = rule.claims.every(([claim, patterns]) => {
    const narrow = claims.get(claim)
    if (narrow === undefined) return false
    return narrow.every((pattern) =>
      patterns.some((wide) =>
        patternCovers(comparedPattern(platform, claim, wide), comparedPattern(platform, claim, pattern)),
      ),
    )
  })
  if (!holds) return false
  if (grant.action === 'catalog') return rule.catalog
  const wides = grant.action === 'pull' ? [...rule.pull, ...rule.push] : rule[grant.action]
  if (wides.includes(grant.template)) return true
  const narrow = templateTokens(grant.template, grant)
  return wides.some((wide) => tokensCover(templateTokens(wide, grant), narrow))
}

/** A character, `*`, `**`, or an inserted claim, of which only equality is known, and whether it can contain "/". */
type Token = string

const NO_SLASH = 'claim:'
const ANY_TEXT = 'claim/:'

function tokens(pattern: string): Token[] {
  return pattern.match(/\*\*|./gsu) ?? []
}

/** Walks through both at once; a wildcard of `wide` takes tokens of `narrow`, never the other way round. */
function tokensCover(wide: readonly Token[], narrow: readonly Token[]): boolean {
  let reached = new Set([0])
  for (const token of wide) {
    const onward = new Set<number>()
    for (const start of reached) {
      if (token !== '*' && token !== '**') {
        if (narrow[start] === token) onward.add(start + 1)
        continue
      }
      for (let at = start; ; at++) {
        onward.add(at)
        const next = narrow[at]
        if (next === undefined || (token === '*' && !isWithinFolder(next))) break
      }
    }
    if (onward.size === 0) return false
    reached = onward
  }
  return reached.has(narrow.length)
}

const isWithinFolder = (token: Token) => token !== '/' && token !== '**' && !token.startsWith(ANY_TEXT)

/** What a claim is made of on its platform, so that `{repository}` is known to lie below `{repository_owner}`. */
const paths: Record<string, readonly [parent: string, name: string]> = {
  'github:repository': [`${NO_SLASH}repository_owner`, `${NO_SLASH}repository-name`],
  'gitlab:project_path': [`${ANY_TEXT}namespace_path`, `${NO_SLASH}project-name`],
}

function templateTokens(template: string, { platform, claims }: Grant): Token[] {
  return parseTemplate(template).flatMap((piece, index) => {
    if (index % 2 === 0) return tokens(piece)
    const [only, ...others] = claims.get(piece) ?? []
    // A claim that must have one value is that value, lower-cased as in a name.
    if (only !== undefined && others.length === 0 && !only.includes('*')) return tokens(only.toLowerCase())
    const path = paths[`${platform}:${piece}`]
    if (path !== undefined) return [path[0], '/', path[1]]
    return [`${piece === 'repository_owner' ? NO_SLASH : ANY_TEXT}${piece}`]
  })
}
