/** Why no rule matched: the rule that came nearest, and what it missed. For people who may read the rules. */
import { type ClaimTexts, comparedTexts } from '../decision/claim-texts.ts'
import { claimMatches } from '../decision/decide.ts'
import type { PolicyRule, PolicySource } from '../decision/policy.ts'

export interface Miss {
  readonly claim: string
  readonly wanted: readonly string[]
  /** Undefined where the token has no such claim that could be compared. */
  readonly got: string | undefined
}

export interface NearestRule {
  readonly number: number
  readonly misses: readonly Miss[]
}

/** The rule with the fewest claims missed, the earlier of equals; undefined where the source has no rule. */
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
