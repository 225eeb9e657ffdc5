/**
 * Whether this process takes requests. It is about the process alone: a silent authentik concerns all of them alike,
 * and without any of them clients would get a proxy's bare 503 instead of cached tokens and a sentence.
 */

/** - `draining`: the process is about to end */
export const readyProblems = ['draining'] as const
export type ReadyProblem = (typeof readyProblems)[number]

export interface Readiness {
  /** Why no requests should be sent here. */
  problems(): ReadyProblem[]
  /** From now on this process is not ready. */
  drain(): void
  draining(): boolean
}

export function createReadiness(): Readiness {
  let draining = false
  return {
    problems: () => (draining ? ['draining'] : []),
    drain: () => {
      draining = true
    },
    draining: () => draining,
  }
}
