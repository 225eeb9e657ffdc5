/** What a soak must not show, each as one sentence. */

import { megabytes } from './aims.ts'
import { type AnswerCount, mistakesIn } from './answer-check.ts'

/** What was observed. */
export interface SoakSeen {
  answers: AnswerCount
  /** Bytes of memory, at regular intervals; empty where they cannot be measured. */
  resident: readonly number[]
  /** Lines of the service's output that speak of a mistake in it. */
  badLines: readonly string[]
  /** Whether it was there until it was asked to end, and how it ended then. */
  endedEarly: boolean
  exit: number | NodeJS.Signals
}

const MEGABYTE = 1_000_000
const GROWTH = 1.25
const GROWTH_BYTES = 10 * MEGABYTE
/** Fewer samples have no quarters to speak of. */
const MIN_SAMPLES = 12
/** Part of all answers; what is calm is more than half of the time. */
const LEAST_TOKENS = 1 / 3

/** @returns nothing if nothing is wrong */
export function problemsOf({ answers, resident, badLines, endedEarly, exit }: SoakSeen): string[] {
  const total = Object.values(answers.byStatus).reduce((sum, count) => sum + count, 0)
  const tokens = answers.byStatus['200'] ?? 0
  const memory = memoryGrowth(resident)
  return [
    ...(answers.wrong > 0 ? [`${answers.wrong} wrong answers: ${mistakesIn([answers]).join('; ')}`] : []),
    // A service that hands out nothing makes no mistakes.
    ...(tokens < total * LEAST_TOKENS ? [`only ${tokens} of ${total} answers had a token`] : []),
    ...(memory && !memory.flat ? [`memory grows: ${memory.figures}`] : []),
    ...(badLines.length > 0 ? [`${badLines.length} lines of the log report a mistake, such as: ${badLines[0]}`] : []),
    ...(endedEarly ? [`the token service ended early with ${exit}`] : []),
    ...(!endedEarly && exit !== 0 ? [`after SIGTERM the token service ended with ${exit} instead of 0`] : []),
  ]
}

/** Memory of the last quarter against the second; the first one is for filling caches. */
export function memoryGrowth(resident: readonly number[]): { flat: boolean; figures: string } | undefined {
  if (resident.length < MIN_SAMPLES) return undefined
  const quarter = Math.floor(resident.length / 4)
  const [early, late] = [median(resident.slice(quarter, 2 * quarter)), median(resident.slice(-quarter))]
  return {
    flat: late <= early * GROWTH + GROWTH_BYTES,
    figures: `${megabytes(early)} MB in the second quarter, ${megabytes(late)} MB in the last`,
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** The lines among some that no run may show. */
export function badLinesIn(lines: Buffer): string[] {
  if (!signs.some((sign) => lines.includes(sign))) return []
  return lines
    .toString()
    .split('\n')
    .filter((line) => signs.some((sign) => line.includes(sign)))
}

/** How the log reports a crash, an unhandled rejection, a 500. */
const signs = ['"level":"fatal"', 'unhandled', '"reason":"internal"', 'MaxListenersExceededWarning']
