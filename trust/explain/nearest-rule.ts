/** Why no rule matched: the nearest rule, and the claims that did not match. Only for people who may read the rules. */
import { type ClaimTexts, comparedTexts } from '../decision/claim-texts.ts'
import { claimMatches } from '../decision/decide.ts'
import type { PolicyRule, PolicySource } from '../decision/policy.ts'

export interface Miss {
  readonly claim: string
  readonly wanted: readonly string[]
  /** Undefined if the token has no such claim, or one that cannot be compared. */
  readonly got: string | undefined
}

export interface NearestRule {
  readonly number: number
  readonly misses: readonly Miss[]
}

/** The rule with the fewest claims that did not match, the first of equals; undefined if the source has no rule. */
export function nearestRule(source: PolicySource, texts: ClaimTexts): NearestRule | undefined {
  const compared = comparedTexts(source.platform, texts)
  let nearest: NearestRule | undefined
  for (const rule of source.rules) {
    const misses = missesOf(rule, compared, texts)
    if (nearest === undefined || misses.length < nearest.misses.length) nearest = { number: rule.number, misses }
  }
  return nearest
}

function missesOf(rule: PolicyRule, compared: ClaimTexts, texts: ClaimTexts): Miss[] {
  return rule.claims
    .filter(([claim, patterns]) => !claimMatches(compared.get(claim), patterns))
    .map(([claim, patterns]) => ({ claim, wanted: patterns.map(({ pattern }) => pattern), got: texts.get(claim) }))
}
