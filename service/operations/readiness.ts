/**
 * Whether this process is of use: authentik has answered lately, and signs with a key that the registry was given.
 *
 * Nothing is asked on a timer. Whoever looks at /ready begins a look at authentik, when the last one is old enough;
 * exchanges that authentik answers count as looks.
 */
import type { Limits } from '../limits.ts'

/** - `draining`: the process is about to end
 *  - `authentik_silent`: authentik has not answered for `readyMs`
 *  - `registry_keys_outdated`: authentik signs with a key that the registry does not have; `pulumi up` brings it */
export const readyProblems = ['draining', 'authentik_silent', 'registry_keys_outdated'] as const
export type ReadyProblem = (typeof readyProblems)[number]

/** What a look at authentik found. */
export interface Look {
  answered: boolean
  /** Ids of the keys that it signs with; undefined where it was not asked, or did not say. */
  keyIds?: readonly string[]
}

export interface Readiness {
  /** What is wrong now; looks at authentik first if it was never seen. */
  check(): Promise<ReadyProblem[]>
  /** What was wrong when somebody last looked. */
  problems(): ReadyProblem[]
  /** authentik has answered something. */
  answered(): void
  /** From now on the answer is no. */
  drain(): void
  draining(): boolean
}

export interface ReadinessDependencies {
  limits: Pick<Limits, 'readyProbeMs' | 'readyMs'>
  /** Milliseconds. */
  now: () => number
  look: () => Promise<Look>
  /** Ids of the keys that the registry was given; undefined where nobody said. */
  registryKeyIds: () => Promise<readonly string[] | undefined>
}

export function createReadiness({ limits, now, look, registryKeyIds }: ReadinessDependencies): Readiness {
  let draining = false
  let answeredMs = Number.NEGATIVE_INFINITY
  let lookedMs = Number.NEGATIVE_INFINITY
  let keysFit = true
  let looking: Promise<void> | undefined

  const lookNow = async () => {
    lookedMs = now()
    const [seen, given] = await Promise.all([look(), registryKeyIds()])
    if (seen.answered) answeredMs = now()
    // Not to know is no reason to stop: the registry then verifies, as always.
    if (seen.keyIds && given) keysFit = seen.keyIds.every((id) => given.includes(id))
  }
  const problems = (): ReadyProblem[] => {
    const found: ReadyProblem[] = []
    if (draining) found.push('draining')
    if (now() - answeredMs > limits.readyMs) found.push('authentik_silent')
    if (!keysFit) found.push('registry_keys_outdated')
    return found
  }
  return {
    problems,
    check: async () => {
      if (now() - lookedMs >= limits.readyProbeMs && !draining) {
        looking ??= lookNow().finally(() => {
          looking = undefined
        })
      }
      // A probe of Kubernetes waits a second; only the first one has nothing else to tell.
      if (problems().length > 0) await looking
      return problems()
    },
    answered: () => {
      answeredMs = now()
    },
    drain: () => {
      draining = true
    },
    draining: () => draining,
  }
}
