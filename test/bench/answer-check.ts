/** Whether an answer is one that a client may get: the right token, or an honest failure. */
import { type Answer, headerOf } from './answer-reader.ts'
import type { Outcome } from './http-socket.ts'
import { credentialMark, readRegistryToken, scopeMark } from './jwt.ts'
import type { Ask } from './workloads.ts'

/** What may come instead of a token at this moment. */
export interface Expectations {
  /** Whether this credential may be refused. */
  mayRefuse: (jwt: string) => boolean
  /** Milliseconds since 1970. */
  nowMs: number
}

/** The answers so far: by status, and those that must never occur. */
export interface AnswerCount {
  /** By status; `broken` where the connection broke. */
  byStatus: Record<string, number>
  wrong: number
  /** What is wrong with how many of them. */
  mistakes: Record<string, number>
}

/** Beyond so many kinds of mistake the others are counted as one. */
const MAX_KINDS = 10
const OTHER_KIND = 'something else'

/** distribution's token page: a client may take a token without word of its life for one of 60 s. */
const SHORTEST_LIFE_SECONDS = 60
/** `exp` and `iat` are whole seconds. */
const ROUNDING_MS = 1000

/** An empty count. */
export function noAnswers(): AnswerCount {
  return { byStatus: {}, wrong: 0, mistakes: {} }
}

/** Counts one more. @param mistake what is wrong with it, undefined if nothing is */
export function countAnswer(count: AnswerCount, outcome: Outcome, mistake: string | undefined): void {
  const status = 'broken' in outcome ? 'broken' : String(outcome.status)
  count.byStatus[status] = (count.byStatus[status] ?? 0) + 1
  if (mistake === undefined) return
  count.wrong++
  addMistakes(count, mistake, 1)
}

function addMistakes({ mistakes }: AnswerCount, mistake: string, times: number): void {
  const known = mistake in mistakes || Object.keys(mistakes).length < MAX_KINDS
  const kind = known ? mistake : OTHER_KIND
  mistakes[kind] = (mistakes[kind] ?? 0) + times
}

/** The mistakes of several counts, one line for each kind. */
export function mistakesIn(counts: readonly AnswerCount[]): string[] {
  const all = noAnswers()
  for (const { mistakes } of counts) {
    for (const [mistake, times] of Object.entries(mistakes)) addMistakes(all, mistake, times)
  }
  return Object.entries(all.mistakes).map(([mistake, times]) => `${times} x ${mistake}`)
}

/** The answers by status: `200: 12, 503: 3`. */
export function statusesOf({ byStatus }: AnswerCount): string {
  return Object.entries(byStatus)
    .map(([status, count]) => `${status}: ${count}`)
    .join(', ')
}

/** @returns how many were no tokens */
export function failuresIn({ byStatus }: AnswerCount): number {
  return Object.entries(byStatus).reduce((sum, [status, count]) => (status === '200' ? sum : sum + count), 0)
}

/**
 * What is wrong with an answer, in one sentence.
 * @returns undefined if a client may get it
 */
export function mistakeIn(ask: Ask, outcome: Outcome, expected: Expectations): string | undefined {
  if ('broken' in outcome) return `the connection broke: ${outcome.broken}`
  switch (outcome.status) {
    case 200:
      return mistakeInToken(ask, outcome, expected.nowMs)
    case 401:
      return expected.mayRefuse(ask.jwt) ? undefined : `401 though nothing was refused: ${reasonIn(outcome)}`
    case 429:
    case 503:
      return headerOf(outcome.head, 'retry-after') ? undefined : `${outcome.status} without Retry-After`
    default:
      return `${outcome.status}: ${reasonIn(outcome)}`
  }
}

function mistakeInToken({ jwt, scopes }: Ask, { body }: Answer, nowMs: number): string | undefined {
  const answer = parse(body)
  const claims = readRegistryToken(String(answer?.token))
  if (!answer || !claims) return '200 without a token of the upstream'
  if (answer.access_token !== answer.token) return '200 with two different tokens'
  if (claims.for_credential !== credentialMark(jwt)) return '200 with the token of another credential'
  if (claims.for_scopes !== scopeMark(scopes)) return '200 with a token for other scopes'
  if (claims.exp * 1000 <= nowMs) return '200 with a token that is over'
  const saidSeconds = Number(answer.expires_in)
  const saidEndMs = Date.parse(String(answer.issued_at)) + saidSeconds * 1000
  if (saidSeconds > SHORTEST_LIFE_SECONDS && !(saidEndMs <= claims.exp * 1000 + ROUNDING_MS)) {
    return '200 that says the token lives longer than it does'
  }
  return undefined
}

function parse(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** The reason as the token service's errors name it; their sentences have request ids, so that no two are the same. */
function reasonIn({ body }: Answer): string {
  return /"reason":"([a-z_]+)"/.exec(body.toString())?.[1] ?? body.toString('utf8', 0, 100)
}
