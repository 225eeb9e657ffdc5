/**
 * One line for each decision, on standard output, where nothing else is: who asked for what, what was granted, and why.
 * Never a token, a password, or a user name that authentik did not accept: people type passwords there.
 */
import { type DestinationStream, pino, stdTimeFunctions } from 'pino'
import type { Access } from '../../trust/decide.ts'

/**
 * - `granted`: a token; with less than what was asked for, or nothing, too: `granted` says what
 * - `refused`: the client may not, or asked what nobody may (a 4xx)
 * - `failed`: no decision could be had (a 5xx)
 */
export const outcomes = ['granted', 'refused', 'failed'] as const
export type Outcome = (typeof outcomes)[number]

/** What is known of a request when it is answered; filled in on the way. */
export interface Decision {
  requestId: string
  /** The address of whoever asked, by the proxies that are trusted. */
  client: string
  agent: string
  outcome?: Outcome
  reason?: string
  credential?: 'jwt' | 'session' | 'password' | 'anonymous'
  /** Whether authentik has said that the claims are true; those of a refused token are only what it says. */
  verified?: boolean
  source?: string
  /** `repository` of GitHub, `project_path` of GitLab, `sub` of others; of a user with a password the name. */
  subject?: string
  ref?: string
  run?: string
  job?: string
  asked?: readonly string[]
  granted?: readonly Access[]
  /** Numbers of the rules that match the claims, the first ones. */
  rules?: readonly number[]
  /** SHA-256 of the token that was presented, hex. */
  tokenSha256?: string
  /** SHA-256 of the session that was given, hex: with it the session's own lines are found. */
  sessionSha256?: string
  status?: number
  /** Calls to authentik that this request cost; none if the cache or the call of another request had the answer. */
  calls?: number
  durationMs?: number
}

/** The fields of a line, in its order; `time` and `audit` come before them. */
export const auditFields = [
  'requestId',
  'outcome',
  'reason',
  'status',
  'credential',
  'verified',
  'source',
  'subject',
  'ref',
  'run',
  'job',
  'asked',
  'granted',
  'rules',
  'calls',
  'client',
  'agent',
  'tokenSha256',
  'sessionSha256',
  'durationMs',
] as const satisfies readonly (keyof Decision)[]

export interface Audit {
  write(decision: Decision): void
}

/** Characters of a text from outside that a line shows; the longest that means something is a `ref`. */
const SHOWN_CHARACTERS = 256
/** Scopes and rules that a line names. */
const SHOWN_SCOPES = 20
const SHOWN_RULES = 5

/** @param destination standard output, see `main.ts` */
export function createAudit(destination: DestinationStream): Audit {
  const log = pino(
    { base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: () => ({ audit: 1 }) } },
    destination,
  )
  return {
    write: ({ granted, asked, rules, ...decision }) => {
      log.info({
        requestId: decision.requestId,
        outcome: decision.outcome,
        reason: decision.reason,
        status: decision.status,
        credential: decision.credential,
        verified: decision.verified,
        source: decision.source,
        subject: shown(decision.subject),
        ref: shown(decision.ref),
        run: shown(decision.run),
        job: shown(decision.job),
        asked: asked?.slice(0, SHOWN_SCOPES),
        granted: granted
          ?.slice(0, SHOWN_SCOPES)
          .map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`),
        rules: rules?.slice(0, SHOWN_RULES),
        calls: decision.calls ?? 0,
        client: decision.client,
        agent: shown(decision.agent),
        tokenSha256: decision.tokenSha256,
        sessionSha256: decision.sessionSha256,
        durationMs: decision.durationMs,
      } satisfies Record<(typeof auditFields)[number], unknown>)
    },
  }
}

function shown(text: string | undefined): string | undefined {
  return text !== undefined && text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}
