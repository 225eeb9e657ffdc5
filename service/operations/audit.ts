/**
 * One line for each decision, on standard output, where nothing else is: who asked for what, what was granted, and why.
 * Never a token, a password, or a user name that authentik did not accept: people type passwords there.
 */
import { type DestinationStream, pino } from 'pino'
import type { Access } from '../../trust/decision/decide.ts'

/**
 * - `granted`: a token; with less than what was asked for, or nothing, too: `granted` says what
 * - `refused`: the client may not, or asked what nobody may (a 4xx)
 * - `failed`: no decision was possible (a 5xx)
 */
export const outcomes = ['granted', 'refused', 'failed'] as const
export type Outcome = (typeof outcomes)[number]
/** Of a request to `/revoke`, which ends a session and grants nothing. */
export const revocationOutcomes = ['revoked', 'refused', 'failed'] as const
export type RevocationOutcome = (typeof revocationOutcomes)[number]

/** What is known about a request when it is answered; filled in on the way. */
export interface Decision {
  requestId: string
  /** The address of whoever asked, by the proxies that are trusted. */
  clientAddress: string
  userAgent: string
  outcome?: Outcome | RevocationOutcome
  /** Whether a session is to end; left out where a token is asked for. */
  revocation?: true
  reason?: string
  credential?: 'ci_token' | 'session' | 'password' | 'anonymous'
  /** Whether authentik has said that the claims are true; those of a refused token are only what it says. */
  verified?: boolean
  source?: string
  /** `repository` of GitHub, `project_path` of GitLab, `sub` of others; of a user with a password the name. */
  subject?: string
  ref?: string
  run?: string
  job?: string
  /** Those that rules are mostly about: `npm run review` compares new rules with them. */
  claims?: Readonly<Record<string, string>>
  asked?: readonly string[]
  granted?: readonly Access[]
  /** Numbers of the rules that match the claims, the first ones. */
  rules?: readonly number[]
  /** SHA-256 of the token that was presented, hex. */
  tokenSha256?: string
  /** SHA-256 of the session that was given, hex: with it the session's own lines are found. */
  sessionSha256?: string
  status?: number
  /** Where the line is that of an earlier request, but for what each request has of its own. */
  prepared?: PreparedLine
  /** Calls to authentik that this request cost; none if the cache or the call of another request had the answer. */
  exchanges?: number
  /** authentik's own id of the last of them: its log and its events have it. */
  authentikId?: string
  durationMs?: number
  /** Where there are traces. */
  traceId?: string
}

/** What each request has of its own, even if it is the repetition of another. */
type OwnFields = Pick<Decision, 'requestId' | 'clientAddress' | 'userAgent' | 'durationMs' | 'traceId'>

/** The line of requests that are decided as one before them was. */
export interface PreparedLine {
  write(own: OwnFields): void
  /** What it takes to keep it. */
  readonly bytes: number
}

/** @param status of an answer of `/token` */
export function outcomeOf(status: number): Outcome {
  if (status >= 500) return 'failed'
  return status >= 400 ? 'refused' : 'granted'
}

/** Refused too where the status is 200 and there was nothing to end: `reason` says why. */
export function revocationOutcomeOf({ status = 0, reason }: Decision): RevocationOutcome {
  if (status >= 500) return 'failed'
  return reason === undefined ? 'revoked' : 'refused'
}

/** The fields of a line, in its order; `time` and `audit` come before them. */
export const auditFields = [
  'outcome',
  'revocation',
  'reason',
  'status',
  'credential',
  'verified',
  'source',
  'subject',
  'ref',
  'run',
  'job',
  'claims',
  'asked',
  'granted',
  'rules',
  'tokenSha256',
  'sessionSha256',
  'exchanges',
  'authentikId',
  'requestId',
  'clientAddress',
  'userAgent',
  'durationMs',
  'traceId',
] as const satisfies readonly (keyof Decision)[]

export interface Audit {
  write(decision: Decision): void
  /** Makes the line of a granted decision, which can be written repeatedly. */
  prepare(decision: Decision): PreparedLine
}

/** Characters of a text from outside that a line shows; the longest that means something is a `ref`. */
const SHOWN_CHARACTERS = 256
/** Scopes and rules that a line names. */
const SHOWN_SCOPES = 20
const SHOWN_RULES = 5

/** @param destination standard output, see `main.ts` */
export function createAudit(destination: DestinationStream): Audit {
  const log = pino({ base: null, timestamp: isoTime, formatters: { level: () => ({ audit: 1 }) } }, destination)
  return {
    write: (decision) => {
      if (decision.prepared) decision.prepared.write(decision)
      else {
        const { exchanges = 0, authentikId } = decision
        log.info({ ...decided(decision), exchanges, authentikId, ...own(decision) })
      }
    },
    prepare: (decision) => {
      const fields = { ...decided(decision), outcome: 'granted', status: 200, exchanges: 0 }
      const line = log.child(fields)
      return { bytes: JSON.stringify(fields).length, write: (request) => line.info(own(request)) }
    },
  }
}

function own({ requestId, clientAddress, userAgent, durationMs, traceId }: OwnFields) {
  return { requestId, clientAddress, userAgent: shown(userAgent), durationMs, traceId }
}

function decided({ granted, asked, rules, ...decision }: Decision) {
  return {
    outcome: decision.outcome,
    revocation: decision.revocation,
    reason: decision.reason,
    status: decision.status,
    credential: decision.credential,
    verified: decision.verified,
    source: decision.source,
    subject: shown(decision.subject),
    ref: shown(decision.ref),
    run: shown(decision.run),
    job: shown(decision.job),
    claims: decision.claims,
    asked: asked?.slice(0, SHOWN_SCOPES),
    granted: granted?.slice(0, SHOWN_SCOPES).map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`),
    rules: rules?.slice(0, SHOWN_RULES),
    tokenSha256: decision.tokenSha256,
    sessionSha256: decision.sessionSha256,
  }
}

function shown(text: string | undefined): string | undefined {
  return text !== undefined && text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}

let now = { ms: -1, text: '' }

/** As pino's, but made once for all lines of a millisecond. */
function isoTime(): string {
  const ms = Date.now()
  if (now.ms !== ms) now = { ms, text: `,"time":"${new Date(ms).toISOString()}"` }
  return now.text
}
