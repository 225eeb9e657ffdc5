/**
 * The state of authentik, for metrics: whether it answers, and signs with keys that the registry has.
 *
 * There is no timer. Whoever reads the metrics starts a health probe, when the last one is old enough; an
 * exchange that authentik answers counts as one.
 */
import type { Limits } from '../limits.ts'

/** What a health probe found. */
export interface Health {
  answered: boolean
  /** Ids of the keys that it signs with; undefined where it was not asked, or did not say. */
  keyIds?: readonly string[]
}

export interface AuthentikState {
  /** Probes, if the last probe is old enough; what it finds is known to the next reader. */
  probe(): void
  /** Whether it answers: no, if it did not answer the last probe, nor anything for `authentikSilentMs`. */
  answers(): boolean
  /** Whether all keys that it signs with are known to the registry; also true where that is unknown. */
  keysMatch(): boolean
  /** authentik has answered something. */
  answered(): void
}

export interface AuthentikStateDependencies {
  limits: Pick<Limits, 'probeIntervalMs' | 'authentikSilentMs'>
  /** Milliseconds. */
  now: () => number
  probe: () => Promise<Health>
  /** Ids of the keys that the registry was given; undefined where none are known. */
  registryKeyIds: () => Promise<readonly string[] | undefined>
}

export function createAuthentikState({
  limits,
  now,
  probe,
  registryKeyIds,
}: AuthentikStateDependencies): AuthentikState {
  let answeredMs = now()
  let answersProbes = true
  let probedMs = Number.NEGATIVE_INFINITY
  let fit = true

  const probeNow = async () => {
    probedMs = now()
    const [seen, given] = await Promise.all([probe(), registryKeyIds()])
    answersProbes = seen.answered
    if (seen.answered) answeredMs = now()
    // Unknown keys raise no alarm: the registry verifies as always.
    if (seen.keyIds && given) fit = seen.keyIds.every((id) => given.includes(id))
  }
  return {
    probe: () => {
      if (now() - probedMs >= limits.probeIntervalMs) void probeNow()
    },
    answers: () => answersProbes || now() - answeredMs <= limits.authentikSilentMs,
    keysMatch: () => fit,
    answered: () => {
      answersProbes = true
      answeredMs = now()
    },
  }
}
