/** What a reviewer has to look at first, the worst first. */
import { isDeepStrictEqual } from 'node:util'
import { describeRules } from '../language/describe.ts'
import { type Finding, findingSentence } from '../language/findings.ts'
import { namesSomebody } from '../language/identity-claims.ts'
import type { TrustRule } from '../language/rule-schema.ts'
import type { SourceKeys, TrustSource } from '../language/source-schema.ts'
import { code, sentence } from './markdown.ts'
import { namesTaken } from './names-taken.ts'
import { content, type RulePart } from './rule-changes.ts'
import type { SettingChange } from './setting-changes.ts'
import type { StackState } from './stack-state.ts'

/** One line of Markdown for each. */
export function dangers(
  before: StackState,
  after: StackState,
  gains: readonly RulePart[],
  settings: readonly SettingChange[],
): string[] {
  const gained = gains.map(({ rule }) => rule)
  return [
    ...openToEveryone(gained, after.sources),
    ...reachEverything(gained),
    ...sourceChanges(before.sources, after.sources),
    ...takenNames(gained, before, after.sources),
    ...settings.filter(({ isDangerous }) => isDangerous).map(settingLine),
    ...newFindings(before, after, gained).map((finding) => sentence(findingSentence(finding))),
  ]
}

/** A setting that differs, in one line. */
export function settingLine({ setting, meaning, before, after }: SettingChange): string {
  const [was, is] = [before, after].map((value) => (value === undefined ? 'not set' : code(value)))
  return `${code(setting)}: was ${was}, now ${is}${meaning === undefined ? '' : ` (${meaning})`}`
}

function openToEveryone(rules: readonly TrustRule[], sources: readonly TrustSource[]): string[] {
  return rules.flatMap((rule) => {
    const source = sources.find(({ slug }) => slug === rule.source)
    const claims = Object.fromEntries(rule.claims.map(([claim, patterns]) => [claim, [...patterns]]))
    if (source === undefined || namesSomebody(source.platform, claims)) return []
    const [line = ''] = describeRules([rule], sources)
    return [`Rule ${rule.number} trusts everyone with a job at ${code(source.issuer)}: ${code(line)}`]
  })
}

function reachEverything(rules: readonly TrustRule[]): string[] {
  return rules.flatMap((rule) =>
    (['push', 'delete'] as const)
      .filter((action) => rule[action].some((template) => /^[*/]*$/.test(template)))
      .map((action) => `Rule ${rule.number} may ${action} every image of the registry.`),
  )
}

function sourceChanges(before: readonly TrustSource[], after: readonly TrustSource[]): string[] {
  return after.flatMap((source) => {
    const was = before.find(({ slug }) => slug === source.slug)
    const name = `Source ${code(source.slug)}`
    const issuer = `issuer ${code(source.issuer)}, keys ${keysText(source.keys)}`
    if (was === undefined) return [`${name} is new: ${issuer}`]
    return [
      ...(was.issuer === source.issuer
        ? []
        : [`${name} has another issuer: ${code(was.issuer)} before, now ${issuer}`]),
      ...(isDeepStrictEqual(was.keys, source.keys)
        ? []
        : [`${name} takes its keys from elsewhere: ${keysText(was.keys)} before, now ${keysText(source.keys)}`]),
      ...(was.audience === source.audience
        ? []
        : [`${name} takes tokens for another audience: ${code(was.audience)} before, now ${code(source.audience)}`]),
    ]
  })
}

function keysText(keys: SourceKeys): string {
  if ('jwks' in keys) {
    const ids = keys.jwks.keys.map((key) => (typeof key === 'object' && key !== null ? Reflect.get(key, 'kid') : ''))
    return `in the stack's file, with the ids ${code(ids.join(', '))}`
  }
  return `from ${code('jwksUrl' in keys ? keys.jwksUrl : keys.wellKnownUrl)}`
}

function takenNames(gained: readonly TrustRule[], before: StackState, sources: readonly TrustSource[]): string[] {
  return namesTaken(gained, before.rules, sources).map(({ rule, pattern, owner }) => {
    const [whose = ''] = describeRules([owner], before.sources)
    return `Rule ${rule.number} can replace images that others push: ${code(pattern)} meets ${code(whose)}`
  })
}

/** Warnings that were not there before, wherever their rule stood, and advice on the rules that grant more. */
function newFindings(before: StackState, after: StackState, gained: readonly TrustRule[]): Finding[] {
  const keys = (state: StackState) => {
    const rules = Map.groupBy(state.rules, ({ number }) => number)
    return state.findings.map((finding) => {
      const about = finding.rule === undefined ? [] : (rules.get(finding.rule) ?? []).map(content)
      return { finding, key: JSON.stringify([finding.code, finding.field, about]) }
    })
  }
  const known = new Set(keys(before).map(({ key }) => key))
  const added = keys(after).filter(({ key }) => !known.has(key))
  const warnings = added.filter(({ finding }) => finding.severity === 'warning')
  const numbers = new Set(gained.map(({ number }) => number))
  const advice = added.filter(({ finding: { severity, rule = 0 } }) => severity === 'advice' && numbers.has(rule))
  return [...warnings, ...advice].map(({ finding }) => finding)
}
