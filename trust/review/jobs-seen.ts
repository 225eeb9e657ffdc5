/**
 * The claims of jobs, from an audit log of the token service: one JSON object a line. A line can also be the claims
 * themselves, with `iss`, as they stand in a token.
 */
import type { Claims } from '../decision/claim-texts.ts'
import type { Platform } from '../platforms/platform-claims.ts'

export interface JobSeen {
  readonly source: string
  readonly claims: Claims
  /** Whether a claim that is not here may still be in the token: an audit log does not contain all of them. */
  readonly isPartial: boolean
  /** Whether authentik has said that the claims are true. */
  readonly isVerified: boolean
  /** Scopes that these jobs asked for, each once. */
  readonly asked: ReadonlySet<string>
  readonly times: number
}

export interface JobsSeen {
  readonly jobs: readonly JobSeen[]
  /** Lines that say nothing about a job of these sources. */
  readonly otherLines: number
  /** Whether there were more jobs than are compared. */
  readonly isCut: boolean
}

export const MAX_AUDIT_BYTES = 256 * 1024 * 1024
/** An audit line has a few hundred bytes, 20 scopes of 512 included less than this. */
const MAX_LINE_CHARACTERS = 64 * 1024
/** Different sets of claims; each is compared with every rule of both revisions. */
const MAX_JOBS = 20_000
const MAX_SCOPES_PER_JOB = 100

interface Source {
  readonly slug: string
  readonly platform: Platform
  readonly issuer: string
}

/** Reads a log; jobs with the same claims are one. */
export function readJobsSeen(text: string, sources: readonly Source[]): JobsSeen {
  const bySlug = new Map(sources.map((source) => [source.slug, source]))
  const byIssuer = new Map(sources.map((source) => [source.issuer, source]))
  const jobs = new Map<string, JobSeen & { asked: Set<string>; times: number }>()
  let otherLines = 0
  let isCut = false
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const entry = parse(line)
    const job = entry && (fromAudit(entry, bySlug, byIssuer) ?? fromClaims(entry, byIssuer))
    if (job === undefined) {
      otherLines += 1
      continue
    }
    const key = JSON.stringify([job.source, job.isVerified, job.isPartial, Object.entries(job.claims).toSorted()])
    const known = jobs.get(key)
    if (known === undefined && jobs.size >= MAX_JOBS) isCut = true
    else if (known === undefined) jobs.set(key, { ...job, times: 1 })
    else {
      known.times += 1
      for (const scope of job.asked) if (known.asked.size < MAX_SCOPES_PER_JOB) known.asked.add(scope)
    }
  }
  return { jobs: [...jobs.values()], otherLines, isCut }
}

type Job = Omit<JobSeen, 'times' | 'asked'> & { asked: Set<string> }

function parse(line: string): Claims | undefined {
  if (line.length > MAX_LINE_CHARACTERS) return undefined
  try {
    return record(JSON.parse(line))
  } catch {
    return undefined // a log may have lines of others
  }
}

function fromAudit(
  entry: Claims,
  bySlug: ReadonlyMap<string, Source>,
  byIssuer: ReadonlyMap<string, Source>,
): Job | undefined {
  const given = record(entry.claims)
  // A refused job's line does not name its source; its claims name the issuer.
  const source = typeof entry.source === 'string' ? bySlug.get(entry.source) : byIssuer.get(String(given?.iss ?? ''))
  if (source === undefined) return undefined
  const claims = given ?? namedBy(entry, source.platform)
  if (Object.keys(claims).length === 0) return undefined
  const asked = new Set(texts(entry.asked).slice(0, MAX_SCOPES_PER_JOB))
  return { source: source.slug, claims, isPartial: true, isVerified: entry.verified === true, asked }
}

/** What `subject` and `ref` of a line say, which are of the claims that name a job. */
function namedBy({ subject, ref }: Claims, platform: Platform): Claims {
  const named: Record<string, unknown> = {}
  if (typeof subject === 'string') {
    const owner = subject.slice(0, subject.lastIndexOf('/'))
    if (platform === 'oidc') named.sub = subject
    else if (platform === 'github') Object.assign(named, { repository: subject, repository_owner: owner })
    else Object.assign(named, { project_path: subject, namespace_path: owner })
  }
  // GitLab's `ref` does not say whether it is a branch or a tag; `ref_path` does, and the line does not have it.
  if (typeof ref === 'string') named.ref = ref
  return named
}

function fromClaims(entry: Claims, sources: ReadonlyMap<string, Source>): Job | undefined {
  const source = typeof entry.iss === 'string' ? sources.get(entry.iss) : undefined
  if (source === undefined) return undefined
  // Times and ids differ from token to token, and no rule compares them.
  const { exp, iat, nbf, jti, ...claims } = entry
  return { source: source.slug, claims, isPartial: false, isVerified: true, asked: new Set() }
}

function record(value: unknown): Claims | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : []
}
