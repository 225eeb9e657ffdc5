/** What the jobs of a log may do by the rules of one revision and not by those of another. */
import { type ClaimTexts, claimTexts, comparedTexts } from '../decision/claim-texts.ts'
import { claimMatches, decide } from '../decision/decide.ts'
import { type NamedAction, templatesFor } from '../decision/image-names.ts'
import type { Policy, PolicyRule, PolicySource } from '../decision/policy.ts'
import { insertClaims, repositoryPaths } from '../decision/repository-names.ts'
import { patternCovers } from './covers.ts'
import type { JobSeen } from './jobs-seen.ts'

export interface JobChange {
  readonly job: JobSeen
  /** Such as "push acme/app"; `may` where the log does not have all claims that the rules look at. */
  readonly gains: readonly string[]
  readonly mayGain: readonly string[]
  readonly loses: readonly string[]
  readonly mayLose: readonly string[]
  /** Scopes that the job asked for in the log and would no longer get. */
  readonly refused: readonly string[]
}

interface Reach {
  /** By rules that match for certain. */
  readonly certain: Reached
  /** By rules too of which the log does not have all claims. */
  readonly possible: Reached
}

type Reached = ReadonlyMap<NamedAction | 'list', ReadonlySet<string>>

/** The jobs for which something changes, those that lose what they use first. */
export function jobChanges(
  jobs: readonly JobSeen[],
  before: Policy | undefined,
  after: Policy | undefined,
): JobChange[] {
  const changes = jobs.flatMap((job): JobChange[] => {
    const [was, is] = [reachOf(before, job), reachOf(after, job)]
    const [gains, loses] = [missing(is.certain, was.possible), missing(was.certain, is.possible)]
    const mayGain = missing(is.possible, was.possible).filter((name) => !gains.includes(name))
    const mayLose = [...missing(was.certain, is.certain), ...missing(was.possible, is.possible)].filter(
      (name, index, all) => all.indexOf(name) === index && !loses.includes(name),
    )
    if (gains.length + mayGain.length + loses.length + mayLose.length === 0) return []
    const refused = job.isPartial && loses.length === 0 ? [] : refusedScopes(job, before, after)
    return [{ job, gains, mayGain, loses, mayLose, refused }]
  })
  const rank = ({ refused, gains, loses }: JobChange) =>
    refused.length > 0 ? 0 : gains.length > 0 ? 1 : loses.length > 0 ? 2 : 3
  return changes.toSorted((a, b) => rank(a) - rank(b) || b.job.times - a.job.times)
}

const nothing: Reached = new Map()

function reachOf(policy: Policy | undefined, job: JobSeen): Reach {
  const source = policy?.sources.get(job.source)
  if (source === undefined) return { certain: nothing, possible: nothing }
  const texts = claimTexts(job.claims)
  const { certain, possible } = matching(source, texts, job.isPartial)
  const reached = namesOf(certain, texts)
  return { certain: reached, possible: possible.length === certain.length ? reached : namesOf(possible, texts) }
}

function matching(source: PolicySource, texts: ClaimTexts, isPartial: boolean) {
  const compared = comparedTexts(source.platform, texts)
  const possible = source.rules.filter((rule) =>
    rule.claims.every(([claim, patterns]) =>
      isPartial && !compared.has(claim) ? true : claimMatches(compared.get(claim), patterns),
    ),
  )
  const certain = possible.filter((rule) => rule.claims.every(([claim]) => compared.has(claim)))
  return { certain, possible }
}

function namesOf(rules: readonly PolicyRule[], texts: ClaimTexts): Reached {
  if (rules.length === 0) return nothing
  const paths = repositoryPaths(texts)
  const reached = new Map<NamedAction | 'list', Set<string>>()
  for (const action of ['push', 'pull', 'delete'] as const) {
    const templates = new Set(rules.flatMap((rule) => templatesFor(rule, action)))
    const names = [...templates].map((template) => insertClaims(template, paths)).filter((name) => name !== undefined)
    if (names.length > 0) reached.set(action, new Set(names))
  }
  if (rules.some(({ catalog }) => catalog)) reached.set('list', new Set(['the catalog']))
  return reached
}

/** What one side reaches and the other does not. A pull that comes with a push is not said twice. */
function missing(these: Reached, those: Reached): string[] {
  const alone = (action: NamedAction | 'list') => {
    const others = [...(those.get(action) ?? [])]
    return [...(these.get(action) ?? [])].filter((name) => !others.some((other) => patternCovers(other, name)))
  }
  const pushed = alone('push')
  return (['push', 'delete', 'pull', 'list'] as const).flatMap((action) =>
    alone(action)
      .filter((name) => action !== 'pull' || !pushed.includes(name))
      .map((name) => `${action} ${name}`),
  )
}

function refusedScopes({ source, claims, asked }: JobSeen, before: Policy | undefined, after: Policy | undefined) {
  const actions = (policy: Policy | undefined) =>
    policy === undefined || asked.size === 0
      ? []
      : decide(policy, source, claims, [...asked]).access.flatMap(({ type, name, actions: granted }) =>
          granted.map((action) => `${type}:${name}:${action}`),
        )
  const kept = new Set(actions(after))
  return actions(before).filter((scope) => !kept.has(scope))
}
