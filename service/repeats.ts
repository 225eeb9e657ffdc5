/**
 * Requests that are repeated to the letter, as a client's are that asks again and again with one login. What they were
 * answered is in the cache of tokens already; here is what it took to understand them, so that it need not be done anew.
 *
 * Nothing is remembered for longer than the cache would give the same tokens again, nor over a change of the rules.
 */
import { LRUCache } from 'lru-cache'
import type { Policy } from '../trust/policy.ts'
import type { PreparedAnswer } from './http/answer.ts'
import type { Limits } from './limits.ts'
import type { Decision } from './operations/audit.ts'
import type { KeyedHash } from './request/credential-digest.ts'

/** An answer, and what the audit log says of it. */
export interface Repeat {
  readonly answer: PreparedAnswer
  /** Without what each request has of its own. */
  readonly decision: Omit<Decision, 'requestId' | 'client' | 'agent' | 'calls'>
}

export interface Repeats {
  /** @param request all of it that says what is asked and by whom */
  find(request: string): Repeat | undefined
  keep(request: string, repeat: Repeat, untilMs: number): void
}

export interface RepeatsDependencies {
  limits: Pick<Limits, 'readingEntries'>
  enabled: boolean
  /** Milliseconds since 1970. */
  now: () => number
  keyed: KeyedHash
  policy: () => Policy | undefined
}

interface Kept {
  readonly repeat: Repeat
  readonly untilMs: number
  readonly policy: Policy | undefined
}

export function createRepeats({ limits, enabled, now, keyed, policy }: RepeatsDependencies): Repeats {
  if (!enabled) return { find: () => undefined, keep: () => {} }
  const known = new LRUCache<string, Kept>({ max: limits.readingEntries })
  return {
    find: (request) => {
      const kept = known.get(keyed(request))
      if (kept === undefined || now() >= kept.untilMs || kept.policy !== policy()) return undefined
      return kept.repeat
    },
    keep: (request, repeat, untilMs) => {
      if (untilMs > now()) known.set(keyed(request), { repeat, untilMs, policy: policy() })
    },
  }
}
