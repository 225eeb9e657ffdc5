/**
 * Who did it, read from the `sub` of a registry token as the scope mapping writes it
 * (infra/authentik/expressions/docker_registry.py): `github:acme/app@refs/heads/main#42/4711;rules=1,3`, `@alice`.
 */
import type { Platform } from '../trust/platforms/platform-claims.ts'
import { type Limits, limits } from './limits.ts'

/** A source of the rules, as far as events need it. */
export interface EventSource {
  readonly slug: string
  readonly platform: Platform
  /** Where people see the platform's jobs, without a slash at the end; undefined where that is not known. */
  readonly web?: string | undefined
}

/** The words are those of the audit log. */
export interface Actor {
  /** The whole `sub`; empty if there was no token. */
  readonly actor: string
  /** `user` for a person; undefined if the source is no longer known, or the `sub` has another form. */
  readonly platform?: Platform | 'user'
  readonly source?: string
  readonly subject?: string
  readonly ref?: string
  readonly run?: string
  readonly job?: string
  /** Page of the job, or of its run. */
  readonly runUrl?: string
  /** Numbers of the rules that matched. */
  readonly rules?: readonly number[]
}

const JOB =
  /^(?<source>[-\w]+):(?<name>[^@#;]+)(?:@(?<ref>[^@#;]+))?(?:#(?<run>[^@#;/]+)(?:\/(?<job>[^@#;/]+))?)?;rules=(?<rules>\d{1,9}(?:,\d{1,9})*)$/
const PERSON = /^@(?<name>[^@#;]+)$/
/** What the mapping writes where the token does not say. */
const UNKNOWN = '?'

/** @returns what can be said of a `sub`; of one that our mapping did not write only the text */
export function readActor(sub: string, sources: readonly EventSource[], bounds: Limits = limits): Actor {
  const actor = cut(sub, bounds.actorCharacters)
  const person = PERSON.exec(sub)?.groups?.name
  if (person !== undefined) return { actor, platform: 'user', subject: cut(decoded(person), bounds.textCharacters) }
  const parts = sub.length > bounds.actorCharacters ? undefined : JOB.exec(sub)?.groups
  if (parts === undefined) return { actor }
  const text = (part: string | undefined) =>
    part === undefined || part === UNKNOWN ? undefined : cut(decoded(part), bounds.textCharacters)
  const source = sources.find(({ slug }) => slug === parts.source)
  const job = { subject: text(parts.name), ref: text(parts.ref), run: text(parts.run), job: text(parts.job) }
  return defined({
    actor,
    platform: source?.platform,
    source: parts.source,
    ...job,
    runUrl: source && runUrl(source, job),
    rules: parts.rules?.split(',').slice(0, bounds.rules).map(Number),
  })
}

/** As the platforms have them: docs.github.com, "View workflow runs"; docs.gitlab.com, "Jobs". */
function runUrl(
  { platform, web }: EventSource,
  { subject = '', run = '', job = '' }: { [Name in 'subject' | 'run' | 'job']: string | undefined },
): string | undefined {
  const [hasRun, hasJob] = [isId(run), isId(job)]
  // The claim is verified; still, only what can be a path becomes part of a link that people follow.
  if (web === undefined || !hasRun || !/^[\w.-]+(\/[\w.-]+)+$/.test(subject) || /(^|\/)\.+(\/|$)/.test(subject)) {
    return undefined
  }
  if (platform === 'github') return `${web}/${subject}/actions/runs/${run}${hasJob ? `/job/${job}` : ''}`
  if (platform === 'gitlab') return `${web}/${subject}/-/${hasJob ? `jobs/${job}` : `pipelines/${run}`}`
  return undefined
}

const isId = (text: string): boolean => /^\d{1,20}$/.test(text)

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** With an ellipsis where something is missing. */
export const cut = (text: string, characters: number): string =>
  text.length > characters ? `${text.slice(0, characters - 1).replace(/[\ud800-\udbff]$/, '')}…` : text

/** Without the fields that are not known. */
export const defined = <Fields extends object>(fields: { [Name in keyof Fields]: Fields[Name] | undefined }): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields
