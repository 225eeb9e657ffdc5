/** An explanation as lines for a terminal. */

import { quote } from '../decision/quote.ts'
import { MAX_QUOTED_CHARACTERS } from '../limits.ts'
import { checkNames, type ExplainedScope, type Explanation } from './explain.ts'
import type { Miss } from './nearest-rule.ts'

/** One line each for source, checks and rules, then for each scope. */
export function explanationText(explanation: Explanation): string {
  const { source, kind, failed, passed, rules, unusable, nearest, scopes, assumed } = explanation
  const checks = checkNames.map((name) => {
    if (passed.includes(name)) return `${name} ok`
    return failed?.check === name ? `${name} FAILED` : `${name} not checked`
  })
  return [
    `source   ${source === undefined ? 'none' : `${source} (${kindText[kind ?? 'claims']})`}`,
    `checks   ${checks.join(', ')}; authentik checks the signature`,
    ...(assumed === undefined ? [] : [`assumed  ${assumed}`]),
    ...(failed === undefined ? [] : [`refused  ${failed.sentence}`]),
    ...(rules.length === 0 ? [] : [`rules    ${rules.join(', ')} ${rules.length === 1 ? 'matches' : 'match'}`]),
    ...(unusable === undefined ? [] : [`names    ${unusable}`]),
    ...(nearest === undefined ? [] : [`nearest  rule ${nearest.number}: ${nearest.misses.map(missText).join('; ')}`]),
    ...scopes.flatMap((scope) => scopeLines(scope, rules.length > 0)),
    explanation.granted ? 'granted' : 'NOT granted',
  ].join('\n')
}

const kindText = { ci: 'token of a CI job', session: 'session', claims: 'claims as given' }

function missText({ claim, wanted, got }: Miss): string {
  const shown = wanted.slice(0, 3).map((pattern) => quoted(pattern))
  const wants = [...shown, ...(wanted.length > 3 ? [`${wanted.length - 3} more`] : [])].join(' or ')
  return got === undefined
    ? `there is no claim ${claim}; wanted ${wants}`
    : `${claim} is ${quoted(got)}, wanted ${wants}`
}

function scopeLines({ scope, granted, denied, reachable }: ExplainedScope, ruled: boolean): string[] {
  const grants = granted.map(({ action, rule }) => `  ${action}: granted by rule ${rule}`)
  const denials = denied.map((action) => {
    const names = reachable[action] ?? []
    const only =
      names.length === 0 ? 'no matching rule grants it anywhere' : `granted on ${names.map(quoted).join(', ')}`
    return `  ${action}: NOT granted${ruled ? `; ${only}` : ''}`
  })
  const nothing = ruled && grants.length + denials.length === 0
  return [
    `scope    ${quoted(scope)}`,
    ...grants,
    ...denials,
    ...(nothing ? ['  asks for nothing known; use instead: repository:acme/app:pull,push'] : []),
  ]
}

function quoted(text: string): string {
  return quote(text, MAX_QUOTED_CHARACTERS)
}
