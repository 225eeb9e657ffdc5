/**
 * Requests that are repeated to the letter, as a client's are that asks again and again with one login. What they were
 * answered is in the cache of tokens already; here is what it took to understand them, so that it need not be done anew.
 *
 * Nothing is remembered for longer than the cache would give the same tokens again, nor over a change of the rules.
 */
import { LRUCache } from 'lru-cache'
import type { Policy } from '../trust/decision/policy.ts'
import type { PreparedAnswer } from './http/answer.ts'
import type { Limits } from './limits.ts'
import type { PreparedLine } from './operations/audit.ts'
import type { KeyedHash } from './request/credential-digest.ts'

/** An answer, and what the audit log says of it. */
export interface Repeat {
  readonly answer: PreparedAnswer
  readonly audit: PreparedLine
}

export interface Repeats {
  /** @param request all of it that says what is asked and by whom */
  find(request: string): Repeat | undefined
  keep(request: string, repeat: Repeat, untilMs: number): void
}

export interface RepeatsDependencies {
  limits: Pick<Limits, 'readingEntries' | 'cacheBytes'>
  enabled: boolean
  /** Milliseconds since 1970. */
  now: () => number
  keyed: KeyedHash
  policy: () => Policy | undefined
}

interface Kept {
  readonly repeat: Repeat
  readonly sinceMs: number
  readonly untilMs: number
  readonly policy: Policy | undefined
}

export function createRepeats({ limits, enabled, now, keyed, policy }: RepeatsDependencies): Repeats {
  if (!enabled) return { find: () => undefined, keep: () => {} }
  // A query may say the same thing in any number of ways, each of which would be kept: so their bytes are counted too.
  const known = new LRUCache<string, Kept>({
    max: limits.readingEntries,
    maxSize: limits.cacheBytes,
    sizeCalculation: ({ repeat }) => sizeOf(repeat),
  })
  return {
    find: (request) => {
      const kept = known.get(keyed(request))
      if (kept === undefined || kept.policy !== policy()) return undefined
      // Before `sinceMs`: the clock was set back, and nobody knows how much time has passed.
      return kept.sinceMs <= now() && now() < kept.untilMs ? kept.repeat : undefined
    },
    keep: (request, repeat, untilMs) => {
      const sinceMs = now()
      if (untilMs > sinceMs) known.set(keyed(request), { repeat, sinceMs, untilMs, policy: policy() })
    },
  }
}

/** What an entry costs beside its texts. */
const ENTRY_OVERHEAD_BYTES = 800

function sizeOf({ answer, audit }: Repeat): number {
  return ENTRY_OVERHEAD_BYTES + answer.before.length + answer.after.length + audit.bytes
}
