/** What the service should reach, and whether it did. Reported, never asserted: machines differ. */
import { statusesOf } from './answer-check.ts'
import type { ColdBurst, LongHaul } from './events.ts'
import type { Row } from './measure.ts'
import { JOBS, LOGINS, type Rush } from './rush.ts'

/** What was measured of one subject. */
export interface Measurements {
  rows: readonly Row[]
  coldBurst: ColdBurst | undefined
  longHaul: LongHaul | undefined
  rush: Rush | undefined
}

/** An aim, the figure, and whether it is met; undefined where it was not measured. */
export interface Judged {
  aim: string
  figure: string
  met: boolean | undefined
}

const UNIQUE_PER_SECOND = 1_500
const REPEATED_OF_BARE = 0.6
/** An answer is used again for a minute (`cacheMs` of the service). */
const SECONDS_PER_CALL = 60
const P99_OF_P50 = 4
const MEGABYTE = 1_000_000
const RESIDENT_MEGABYTES = 150
const MILLION = 1_000_000
/**
 * Of what the upstream can answer before clients give up, and milliseconds in which the others learn that it cannot.
 */
const SERVED_OF_POSSIBLE = 0.95
const REFUSED_WITHIN_MS = 1_000
/** Memory after the second half of the requests, as part of that after the first. */
const FLAT = 1.1

/** Holds the measurements against the aims. */
export function judge({ rows, coldBurst, longHaul, rush }: Measurements): Judged[] {
  // Where the upstream is not ours its delay is not known; that matters only to what is never remembered.
  const rowOf = (workload: Row['workload'], ...delays: Row['delayMs'][]) =>
    rows.find((row) => row.workload === workload && row.connections === 64 && delays.includes(row.delayMs))
  const [unique, repeated] = [rowOf('unique', 20), rowOf('repeated', 20, undefined)]
  return [
    about(`unique, upstream 20 ms, 64 connections: at least ${UNIQUE_PER_SECOND} requests/s`, unique, (row) => [
      `${Math.round(row.perSecond)} requests/s${failuresOf(row)}`,
      row.perSecond >= UNIQUE_PER_SECOND && row.failures === 0,
    ]),
    about(`repeated, 64 connections: at least ${REPEATED_OF_BARE * 100} % of the bare server`, repeated, (row) => [
      `${(row.ofBare * 100).toFixed(0)} %${failuresOf(row)}`,
      row.ofBare >= REPEATED_OF_BARE && row.failures === 0,
    ]),
    about('repeated: at most 1 upstream call a minute', repeated?.upstreamCalls, (calls) => [
      `${calls} for ${repeated?.requests} requests in ${repeated?.seconds} s`,
      calls <= Math.ceil((repeated?.seconds ?? 0) / SECONDS_PER_CALL),
    ]),
    about('200 identical requests at once, cold cache: 1 upstream call', coldBurst, ({ upstreamCalls, answers }) => [
      `${upstreamCalls}${answers.byStatus['200'] === 200 ? '' : `, answers ${statusesOf(answers)}`}`,
      upstreamCalls === 1 && answers.byStatus['200'] === 200,
    ]),
    about(`repeated, 64 connections: p99 at most ${P99_OF_P50} x p50`, repeated, ({ p50Ms, p99Ms }) => [
      `${(p99Ms / p50Ms).toFixed(1)} x`,
      p99Ms <= P99_OF_P50 * p50Ms,
    ]),
    about(
      `after a million requests of 50,000 credentials: at most ${RESIDENT_MEGABYTES} MB of memory, and flat`,
      longHaul,
      memoryOf,
    ),
    ...judgeRush(rush),
  ]
}

/** A rush of logins before an upstream with one worker. */
export function judgeRush(rush: Rush | undefined): Judged[] {
  const possible = `at least ${SERVED_OF_POSSIBLE * 100} % of what the upstream can`
  return [
    about(`${LOGINS} docker logins within 5 s, one worker of 240 ms: ${possible}`, rush, (of) => [
      `${of.served} of ${of.possible}`,
      of.served >= SERVED_OF_POSSIBLE * of.possible,
    ]),
    about(`the rest of them is refused within ${REFUSED_WITHIN_MS / 1000} s`, rush, ({ refusedWithinMs }) => [
      refusedWithinMs === undefined ? 'none was refused' : `within ${refusedWithinMs} ms`,
      (refusedWithinMs ?? 0) <= REFUSED_WITHIN_MS,
    ]),
    about(`${LOGINS} clients at once that wait: all are answered`, rush, ({ patient }) => [
      `${patient}`,
      patient === LOGINS,
    ]),
    about(`${JOBS} logins beside 800 connections that guess passwords: all are answered`, rush, ({ guessing }) => [
      `${guessing}`,
      guessing === JOBS,
    ]),
    about('the circuit breaker stays closed in all of it', rush, ({ breakerOpened }) => [
      breakerOpened ? 'it opened' : 'it did',
      !breakerOpened,
    ]),
  ]
}

function about<Value>(
  aim: string,
  value: Value | undefined,
  look: (value: Value) => readonly [figure: string, met: boolean],
): Judged {
  if (value === undefined) return { aim, figure: 'not measured', met: undefined }
  const [figure, met] = look(value)
  return { aim, figure, met }
}

function failuresOf({ failures, requests }: Row): string {
  return failures === 0 ? '' : `, but ${failures} of ${requests} without a token`
}

function memoryOf({ steps }: LongHaul): readonly [string, boolean] {
  const bytes = steps.map(({ residentBytes }) => residentBytes)
  const half = Math.ceil(bytes.length / 2)
  const [firstHalf, all] = [Math.max(...bytes.slice(0, half)), Math.max(...bytes)]
  const requests = steps.at(-1)?.requests ?? 0
  const figures = steps.map((step) => `${megabytes(step.residentBytes)} at ${step.requests / 1000}k`)
  const complete = requests >= MILLION
  return [
    `${figures.join(', ')} MB${complete ? '' : ' (time was over before the millionth)'}`,
    complete && all <= RESIDENT_MEGABYTES * MEGABYTE && all <= firstHalf * FLAT,
  ]
}

/** As text, without the unit. */
export function megabytes(bytes: number): string {
  return (bytes / MEGABYTE).toFixed(0)
}
