/** What a token or a set of claims gets, and why. This is for the person who writes the rules, so it may quote them. */

import { identifyToken, type RefusalCode } from '../decision/check-token.ts'
import type { Claims } from '../decision/claim-texts.ts'
import { claimTexts } from '../decision/claim-texts.ts'
import { decide, matchingRules } from '../decision/decide.ts'
import type { DecodedToken } from '../decision/decode-token.ts'
import { type NamedAction, templatesFor, unusableClaims, unusableSentence } from '../decision/image-names.ts'
import type { Policy, PolicyRule, PolicySource } from '../decision/policy.ts'
import { insertClaims, repositoryPaths } from '../decision/repository-names.ts'
import { type NearestRule, nearestRule } from './nearest-rule.ts'

/** The checks, in order; the first that fails ends it. */
export const checkNames = ['shape', 'issuer', 'audience', 'times', 'rules'] as const
export type CheckName = (typeof checkNames)[number]

export interface ExplainedScope {
  readonly scope: string
  readonly granted: readonly { readonly action: string; readonly rule: number }[]
  readonly denied: readonly string[]
  /** For each denied action, the name patterns that matching rules do grant, with claims inserted. */
  readonly reachable: Readonly<Record<string, readonly string[]>>
}

export interface Explanation {
  /** Whether everything asked is granted, and anything was. */
  readonly granted: boolean
  readonly source: string | undefined
  readonly kind: 'ci' | 'session' | 'claims' | undefined
  readonly passed: readonly CheckName[]
  readonly failed: { readonly check: CheckName; readonly code: RefusalCode; readonly sentence: string } | undefined
  /** Numbers of the rules that match. */
  readonly rules: readonly number[]
  /** A sentence where a claim that matching rules need cannot be the name of an image. */
  readonly unusable: string | undefined
  /** Set if the source has rules but none matches. */
  readonly nearest: NearestRule | undefined
  readonly scopes: readonly ExplainedScope[]
  /** What was assumed, since the stack's files do not say it. */
  readonly assumed?: string
}

const checkOf: Record<RefusalCode, CheckName> = {
  'not-a-jwt': 'shape',
  'not-signed-by-a-key': 'shape',
  'issuer-unknown': 'issuer',
  'session-source-unknown': 'issuer',
  'audience-wrong': 'audience',
  'expiry-missing': 'times',
  expired: 'times',
  'not-yet-valid': 'times',
  'no-rule-matches': 'rules',
  'no-image-name': 'rules',
}

/**
 * Explains a token. It does not verify the signature.
 *
 * @param token from `decodeToken`
 * @param now in seconds since 1970
 */
export function explainToken(
  policy: Policy,
  token: DecodedToken | undefined,
  scopes: readonly string[],
  now: number,
): Explanation {
  const identified = identifyToken(policy, token, now)
  if (!('code' in identified)) return explainClaims(policy, identified, scopes)
  const { code, sentence } = identified
  const check = checkOf[code]
  return {
    granted: false,
    source: undefined,
    kind: undefined,
    passed: checkNames.slice(0, checkNames.indexOf(check)),
    failed: { check, code, sentence },
    rules: [],
    unusable: undefined,
    nearest: undefined,
    scopes: scopes.map((scope) => ({ scope, granted: [], denied: [], reachable: {} })),
  }
}

/** Explains claims as if they were verified. */
export function explainClaims(
  policy: Policy,
  of: { readonly kind: 'ci' | 'session' | 'claims'; readonly source: PolicySource; readonly claims: Claims },
  scopes: readonly string[],
): Explanation {
  const { kind, source, claims } = of
  const texts = claimTexts(claims)
  const rules = matchingRules(source, texts)
  const matched = rules.length > 0
  const sentence = `source "${source.slug}" has ${source.rules.length === 0 ? 'no rule' : 'no rule that matches'}`
  const explained = scopes.map((scope) => explainScope(policy, of, scope, rules))
  return {
    granted: matched && explained.every(({ granted, denied }) => granted.length > 0 && denied.length === 0),
    source: source.slug,
    kind,
    // Bare claims have no header to check, and their author answers for the rest.
    passed: kind === 'claims' ? (matched ? ['rules'] : []) : checkNames.slice(0, matched ? undefined : -1),
    failed: matched ? undefined : { check: 'rules', code: 'no-rule-matches', sentence },
    rules: [...new Set(rules.map(({ number }) => number))],
    unusable: unusableSentence(source, texts, unusableClaims(rules, texts)),
    nearest: matched ? undefined : nearestRule(source, texts),
    scopes: explained,
  }
}

function explainScope(
  policy: Policy,
  { source, claims }: { readonly source: PolicySource; readonly claims: Claims },
  scope: string,
  rules: readonly PolicyRule[],
): ExplainedScope {
  const { scopes } = decide(policy, source.slug, claims, [scope])
  const granted = scopes.flatMap((decision) => decision.granted)
  const denied = scopes.flatMap((decision) =>
    decision.asked.filter((action) => !decision.granted.some((grant) => grant.action === action)),
  )
  const reachable = Object.fromEntries(denied.map((action) => [action, reachableNames(action, rules, claims)]))
  return { scope, granted, denied, reachable }
}

function isNamedAction(action: string): action is NamedAction {
  return action === 'pull' || action === 'push' || action === 'delete'
}

function reachableNames(action: string, rules: readonly PolicyRule[], claims: Claims): string[] {
  const paths = repositoryPaths(claimTexts(claims))
  const templates = isNamedAction(action) ? rules.flatMap((rule) => templatesFor(rule, action)) : []
  return [...new Set(templates.map((template) => insertClaims(template, paths)))].filter((name) => name !== undefined)
}
