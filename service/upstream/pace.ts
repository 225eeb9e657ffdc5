/** How fast authentik works off calls while some always wait: it tells a client at once whether waiting helps. */

export interface Pace {
  /** authentik has answered a call. @param more whether calls wait for their turn */
  answered(more: boolean): void
  /** Milliseconds from one answer to the next; undefined while too little is known to turn anybody away. */
  msPerCall(): number | undefined
  /** Milliseconds until so many more are answered. */
  msUntil(answers: number): number
}

/** Answers that the mean is of: five seconds of a usual authentik. */
const ANSWERS = 20
const FEWEST_ANSWERS = 2
/** Milliseconds after which the last rush says nothing about the next one. */
const KEPT_MS = 30_000

/** @param now milliseconds */
export function createPace(now: () => number): Pace {
  let gaps: number[] = []
  let lastMs = Number.NEGATIVE_INFINITY
  let counts = false
  const msPerCall = () => {
    if (gaps.length < FEWEST_ANSWERS || now() - lastMs > KEPT_MS) return undefined
    return gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  }
  return {
    answered: (more) => {
      const nowMs = now()
      if (nowMs - lastMs > KEPT_MS) gaps = []
      if (counts) gaps = [...gaps, nowMs - lastMs].slice(-ANSWERS)
      lastMs = nowMs
      counts = more
    },
    msPerCall,
    msUntil: (answers) => {
      const each = msPerCall()
      // Part of the next one has passed.
      return each === undefined ? 0 : answers * each - Math.min(each, now() - lastMs)
    },
  }
}
