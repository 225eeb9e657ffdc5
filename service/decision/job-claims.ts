/** What a token says about the job behind it, for the audit log. Nothing here is verified. */
import { claimTexts } from '../../trust/decision/claim-texts.ts'
import type { DecodedToken } from '../../trust/decision/decode-token.ts'
import { reviewedClaims } from '../../trust/platforms/platform-claims.ts'

export interface JobClaims {
  readonly subject: string | undefined
  readonly ref: string | undefined
  readonly run: string | undefined
  readonly job: string | undefined
  /** The claims that rules are mostly about, as text. */
  readonly claims: Readonly<Record<string, string>>
}

/** Of these claims together, in characters; those of a job of GitHub have 600. */
const MAX_CLAIMS_CHARACTERS = 2_000

export function jobClaims({ claims }: DecodedToken): JobClaims {
  // A session keeps the claims of the CI token that it was made from one level down.
  const job = record(record(claims.ci)?.claims) ?? claims
  return {
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
