/** What a token says of itself, for the audit log and the cache. Nothing of it is verified here. */
import { LRUCache } from 'lru-cache'
import { claimTexts } from '../../trust/decision/claim-texts.ts'
import { decodeToken } from '../../trust/decision/token.ts'
import { reviewedClaims } from '../../trust/platforms/platform-claims.ts'
import type { Limits } from '../limits.ts'
import type { CredentialDigest } from '../request/credential-digest.ts'
import type { Credential } from '../request/credentials.ts'

export interface Reading {
  /** Whether it is a JWT at all: people send passwords in its place. */
  readonly isJwt: boolean
  /** Milliseconds since 1970. */
  readonly endsMs: number | undefined
  readonly subject: string | undefined
  readonly ref: string | undefined
  readonly run: string | undefined
  readonly job: string | undefined
  /** The claims that rules are mostly about, as text. */
  readonly claims: Readonly<Record<string, string>> | undefined
}

export type ReadToken = (credential: Credential) => Reading

const nothing: Reading = {
  isJwt: false,
  endsMs: undefined,
  subject: undefined,
  ref: undefined,
  run: undefined,
  job: undefined,
  claims: undefined,
}

/** Of these claims together, in characters; those of a job of GitHub have 600. */
const MAX_CLAIMS_CHARACTERS = 2_000

/** Makes the reader; it remembers, since a client sends the same token with each of its requests. */
export function createReadToken(
  digest: (credential: Credential) => CredentialDigest,
  limits: Pick<Limits, 'readingEntries'>,
): ReadToken {
  const known = new LRUCache<string, Reading>({ max: limits.readingEntries })
  return (credential) => {
    if (credential.kind === 'password') return nothing
    const { key } = digest(credential)
    const remembered = known.get(key)
    if (remembered !== undefined) return remembered
    const reading = read(credential.jwt.reveal())
    known.set(key, reading)
    return reading
  }
}

function read(token: string): Reading {
  const claims = decodeToken(token)?.claims
  if (claims === undefined) return nothing
  // A session keeps the claims of the CI token that it was made from one level down.
  const job = record(record(claims.ci)?.claims) ?? claims
  return {
    isJwt: true,
    endsMs: typeof claims.exp === 'number' ? claims.exp * 1000 : undefined,
    // GitHub, GitLab, and whoever else signs tokens for jobs.
    subject: text(job.repository) ?? text(job.project_path) ?? text(claims.sub),
    ref: text(job.ref),
    run: text(job.run_id) ?? text(job.pipeline_id),
    job: text(job.check_run_id) ?? text(job.job_id),
    claims: reviewed(job),
  }
}

function reviewed(job: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = claimTexts(job)
  const kept: Record<string, string> = {}
  let left = MAX_CLAIMS_CHARACTERS
  for (const claim of reviewedClaims) {
    const value = texts.get(claim)
    if (value === undefined || value.length > left) continue
    left -= value.length
    kept[claim] = value
  }
  return kept
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}
