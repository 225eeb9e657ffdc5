/**
 * How authentik is, for metrics: whether it answers, and signs with keys that the registry was given.
 *
 * Nothing is asked on a timer. Whoever reads the metrics begins a look at authentik, when the last one is old enough;
 * exchanges that authentik answers count as looks.
 */
import type { Limits } from '../limits.ts'

/** What a look at authentik found. */
export interface Look {
  answered: boolean
  /** Ids of the keys that it signs with; undefined where it was not asked, or did not say. */
  keyIds?: readonly string[]
}

export interface AuthentikState {
  /** Looks, if the last look is old enough; what it finds is known to the next reader. */
  look(): void
  /** Whether it answers: no, if it did not answer the last look, nor anything for `authentikSilentMs`. */
  answers(): boolean
  /** Whether all keys that it signs with are known to the registry; so it is where that cannot be told. */
  keysFit(): boolean
  /** authentik has answered something. */
  answered(): void
}

export interface AuthentikStateDependencies {
  limits: Pick<Limits, 'authentikLookMs' | 'authentikSilentMs'>
  /** Milliseconds. */
  now: () => number
  look: () => Promise<Look>
  /** Ids of the keys that the registry was given; undefined where none are known. */
  registryKeyIds: () => Promise<readonly string[] | undefined>
}

export function createAuthentikState({
  limits,
  now,
  look,
  registryKeyIds,
}: AuthentikStateDependencies): AuthentikState {
  let answeredMs = now()
  let answersLooks = true
  let lookedMs = Number.NEGATIVE_INFINITY
  let fit = true

  const lookNow = async () => {
    lookedMs = now()
    const [seen, given] = await Promise.all([look(), registryKeyIds()])
    answersLooks = seen.answered
    if (seen.answered) answeredMs = now()
    // Not to know is no reason to worry: the registry then verifies, as always.
    if (seen.keyIds && given) fit = seen.keyIds.every((id) => given.includes(id))
  }
  return {
    look: () => {
      if (now() - lookedMs >= limits.authentikLookMs) void lookNow()
    },
    answers: () => answersLooks || now() - answeredMs <= limits.authentikSilentMs,
    keysFit: () => fit,
    answered: () => {
      answersLooks = true
      answeredMs = now()
    },
  }
}
