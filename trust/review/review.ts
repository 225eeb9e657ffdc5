/** What a change of one stack's files means for trust, as Markdown, with the dangerous first. */
import { describeRules } from '../language/describe.ts'
import { findingSentence } from '../language/findings.ts'
import type { TrustRule } from '../language/rule-schema.ts'
import type { TrustSource } from '../language/source-schema.ts'
import { dangers, settingLine } from './dangers.ts'
import { type JobChange, jobChanges } from './job-changes.ts'
import { type JobsSeen, readJobsSeen } from './jobs-seen.ts'
import { code, list, sentence } from './markdown.ts'
import { content, grantedOnlyBy, type RulePart } from './rule-changes.ts'
import { settingChanges } from './setting-changes.ts'
import type { StackState } from './stack-state.ts'

/** GitHub takes comments of up to 65,536 characters. */
const MAX_DANGERS = 60
const MAX_LINES = 40
const MAX_JOBS_SHOWN = 40
const MAX_NAMES_SHOWN = 5

/**
 * Compares a stack at two revisions.
 *
 * @param audit the text of an audit log, whose jobs are then looked at too
 * @returns undefined where nothing differs
 */
export function reviewStack(
  name: string,
  before: StackState,
  after: StackState,
  audit: string | undefined,
): string | undefined {
  const title = `## Stack ${code(name)}`
  const errors = after.findings.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) {
    const lines = errors.map((finding) => sentence(findingSentence(finding)))
    return section(
      [title, '', 'The program refuses this stack, so nothing changes.', ''],
      list('Mistakes', lines, MAX_LINES),
    )
  }
  const sources = [...after.sources, ...before.sources]
  const gains = grantedOnlyBy(after.rules, before.rules, sources)
  const loses = grantedOnlyBy(before.rules, after.rules, sources)
  const settings = settingChanges(before, after)
  const gone = before.sources.filter(({ slug }) => !after.sources.some((source) => source.slug === slug))
  const first = dangers(before, after, gains, settings)
  const others = settings.filter(({ isDangerous }) => !isDangerous).map(settingLine)
  const lost = [
    ...gone.map(({ slug }) => `every job of source ${code(slug)}, which is gone`),
    ...ruleLines(loses, sources, after.rules),
  ]
  const jobs = audit === undefined ? [] : jobSection(readJobsSeen(audit, sources), before, after)
  const changes = [
    ...list('Look at these first', first, MAX_DANGERS),
    ...list('Who gains', ruleLines(gains, sources, before.rules), MAX_LINES),
    ...list('What becomes reachable', newNames(gains, before.rules), MAX_LINES),
    ...list('Who loses', lost, MAX_LINES),
    ...list('Other settings', others, MAX_LINES),
  ]
  if (changes.length === 0 && before.rules.length === after.rules.length) return undefined
  const unread = before.findings.some(({ severity }) => severity === 'error')
  const note = unread ? ['The program refused the stack as it was before, so all of it counts as new.', ''] : []
  const same = changes.length === 0 ? ['The rules are written differently and grant the same.', ''] : []
  return section([title, '', ...note, ...same], [...changes, ...jobs])
}

const section = (head: readonly string[], body: readonly string[]) => `${[...head, ...body].join('\n').trimEnd()}\n`

/** Each part of a rule in words, and what the rule said before, where it is the same rule, changed. */
function ruleLines(
  parts: readonly RulePart[],
  sources: readonly TrustSource[],
  others: readonly TrustRule[],
): string[] {
  const kept = new Set(others.map(content))
  return parts.map(({ rule, whole }) => {
    const [line = ''] = describeRules([rule], sources)
    const where = `rule ${rule.number}${whole ? '' : ', in part'}`
    const counterpart = others.find((other) => !kept.has(content(rule)) && isCounterpart(other, rule))
    const [other = ''] = counterpart === undefined || !whole ? [] : describeRules([counterpart], sources)
    return `${code(line)} (${where})${other === '' ? '' : `; the other revision has ${code(other)}`}`
  })
}

/** Whether two rules are one that was changed: of one source, with one number and a claim in common. */
function isCounterpart(one: TrustRule, other: TrustRule): boolean {
  const shared = new Set(one.claims.map((claim) => JSON.stringify(claim)))
  return (
    one.source === other.source &&
    one.number === other.number &&
    other.claims.some((claim) => shared.has(JSON.stringify(claim)))
  )
}

/** Names that no rule of the other revision has in exactly this form. */
function newNames(gains: readonly RulePart[], before: readonly TrustRule[]): string[] {
  return (['push', 'delete', 'pull'] as const).flatMap((action) => {
    const known = new Set(before.flatMap((rule) => [...rule[action], ...(action === 'pull' ? rule.push : [])]))
    const names = new Set(gains.flatMap(({ rule }) => rule[action].filter((name) => !known.has(name))))
    return [...names].map((name) => `${action} ${code(name)}`)
  })
}

function jobSection({ jobs, otherLines, isCut }: JobsSeen, before: StackState, after: StackState): string[] {
  const changes = jobChanges(jobs, before.policy, after.policy)
  const notes = [
    `${jobs.length} different jobs in the audit log; something changes for ${changes.length}.`,
    ...(otherLines > 0 ? [`Lines that are not about a job of these sources: ${otherLines}.`] : []),
    ...(isCut ? ['There are more jobs than this, which were not compared.'] : []),
  ].join(' ')
  const lines = list('Jobs seen', changes.map(jobLine), MAX_JOBS_SHOWN)
  return lines.length === 0 ? ['### Jobs seen', '', notes, ''] : [...lines.slice(0, 2), notes, '', ...lines.slice(2)]
}

function jobLine({ job, gains, mayGain, loses, mayLose, refused }: JobChange): string {
  const { repository, project_path: project, sub, ref_path: path, ref, environment } = job.claims
  const names = [job.source, repository ?? project ?? sub, path ?? ref, environment]
  const who = names.filter((part) => typeof part === 'string').join(' ')
  return [
    `${code(who)} (${job.times}x${job.isVerified ? '' : ', not verified by authentik'})`,
    ...(refused.length > 0 ? [`**used and refused from now on**: ${shown(refused)}`] : []),
    ...(gains.length > 0 ? [`gains ${shown(gains)}`] : []),
    ...(loses.length > 0 ? [`loses ${shown(loses)}`] : []),
    ...(mayGain.length > 0 ? [`may gain ${shown(mayGain)}`] : []),
    ...(mayLose.length > 0 ? [`may lose ${shown(mayLose)}`] : []),
  ].join('; ')
}

function shown(names: readonly string[]): string {
  const rest = names.length - MAX_NAMES_SHOWN
  return names.slice(0, MAX_NAMES_SHOWN).map(code).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
