/**
 * The decision: verified claims and wanted scopes in, granted access out.
 * infra/authentik/expressions/trust.py is the authority and decides the same; a differential test compares the two.
 */

import { type Claims, type ClaimTexts, claimTexts, comparedTexts } from './claim-texts.ts'
import { Glob } from './glob.ts'
import type { Policy, PolicyRule, PolicySource } from './policy.ts'
import { insertClaims, type NameTemplate, type RepositoryPaths, repositoryPaths } from './repository-names.ts'
import { parseScopes, type RequestedScope, repositoryActions } from './scopes.ts'

/** One entry of the `access` claim (distribution, docs/spec/auth/jwt.md). */
export interface Access {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

/** What one resource was asked for, and which rule grants which action. */
export interface ScopeDecision {
  readonly type: string
  readonly name: string
  readonly asked: readonly string[]
  readonly granted: readonly { readonly action: string; readonly rule: number }[]
}

export interface Decision {
  /** The numbers of the rules that match the claims, each once. */
  readonly rules: readonly number[]
  readonly scopes: readonly ScopeDecision[]
  /** The `access` claim: only what is granted. */
  readonly access: readonly Access[]
}

/**
 * Decides by rules only; groups are known only to authentik.
 *
 * @param slug the source that issued the claims
 * @param claims verified, all of them
 * @param scopes scope parameters
 */
export function decide(policy: Policy, slug: string, claims: Claims, scopes: readonly string[]): Decision {
  const source = policy.sources.get(slug)
  const texts = claimTexts(claims)
  const rules = source === undefined ? [] : matchingRules(source, texts)
  const asked = parseScopes(scopes)
  const decisions = asked.length === 0 ? [] : decideScopes(asked, rules, repositoryPaths(texts))
  return {
    rules: [...new Set(rules.map((rule) => rule.number))],
    scopes: decisions,
    access: decisions
      .filter(({ granted }) => granted.length > 0)
      .map(({ type, name, granted }) => ({ type, name, actions: granted.map(({ action }) => action) })),
  }
}

/** The rules of a source whose claims all match one of their patterns; some names match in any case. */
export function matchingRules(source: PolicySource, texts: ClaimTexts): PolicyRule[] {
  const compared = comparedTexts(source.platform, texts)
  return source.rules.filter((rule) =>
    rule.claims.every(([claim, patterns]) => claimMatches(compared.get(claim), patterns)),
  )
}

/**
 * Whether a claim is there and matches one of the patterns.
 *
 * @param text from `comparedTexts`
 */
export function claimMatches(text: string | undefined, patterns: readonly Glob[]): boolean {
  return text !== undefined && patterns.some((pattern) => pattern.matches(text))
}

function decideScopes(
  asked: readonly RequestedScope[],
  rules: readonly PolicyRule[],
  paths: RepositoryPaths,
): ScopeDecision[] {
  const push = namePatterns(rules, paths, (rule) => rule.push)
  const pull = namePatterns(rules, paths, (rule) => rule.pull)
  const grants = { pull: [...pull, ...push], push, delete: namePatterns(rules, paths, (rule) => rule.delete) }
  const catalogRule = rules.find((rule) => rule.catalog)
  return asked.map((scope) => {
    const { type, name } = scope
    if (scope.type === 'registry') {
      const granted =
        catalogRule === undefined ? [] : [...scope.actions].map((action) => ({ action, rule: catalogRule.number }))
      return { type, name, asked: [...scope.actions], granted }
    }
    const wanted = repositoryActions.filter((action) => scope.actions.has(action))
    const granted = wanted.flatMap((action) => {
      const found = grants[action].find(({ glob }) => glob.matches(name))
      return found === undefined ? [] : [{ action, rule: found.rule }]
    })
    return { type, name, asked: wanted, granted }
  })
}

/** The name patterns of rules with claims inserted, each once, with the first rule that has it. */
function namePatterns(
  rules: readonly PolicyRule[],
  paths: RepositoryPaths,
  templatesOf: (rule: PolicyRule) => readonly NameTemplate[],
): { glob: Glob; rule: number }[] {
  const seen = new Set<NameTemplate>() // loadPolicy shares equal templates
  const patterns: { glob: Glob; rule: number }[] = []
  for (const rule of rules) {
    for (const template of templatesOf(rule)) {
      if (seen.has(template)) continue
      seen.add(template)
      const pattern = insertClaims(template, paths)
      if (pattern !== undefined) patterns.push({ glob: new Glob(pattern), rule: rule.number })
    }
  }
  return patterns
}
