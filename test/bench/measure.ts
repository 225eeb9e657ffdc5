/** Measures the server under test, and beside each figure the ceiling: a bare server, before and after it. */
import { type AnswerCount, failuresIn, mistakesIn } from './answer-check.ts'
import type { CellGroup, Durations } from './cells.ts'
import type { LoadResult } from './load.ts'
import type { LoadProcess } from './load-process.ts'
import type { Upstream } from './upstream.ts'
import type { WorkloadName, WorkloadSettings } from './workloads.ts'

/** One load. */
export interface Row {
  workload: WorkloadName
  connections: number
  /** Milliseconds that the upstream took; undefined where that is not known. */
  delayMs: number | undefined
  perSecond: number
  p50Ms: number
  p99Ms: number
  answers: AnswerCount
  /** All requests, those of the warm-up too, and what they cost the upstream. */
  requests: number
  failures: number
  upstreamCalls: number | undefined
  seconds: number
  residentBytes: number | undefined
  /** Requests a second of the bare server, before and after. */
  bare: readonly [number, number]
  /** Requests a second as part of the bare server's. */
  ofBare: number
  /** Part of the time in which the load itself computed, of the server and of the bare one. */
  loadBusy: number
}

/** What a measurement works with. */
export interface Bench {
  load: LoadProcess
  /** The upstream, where it is ours. */
  upstream: Upstream | undefined
  /** The port of the bare server. */
  barePort: number
  durations: Durations
  settings: Omit<WorkloadSettings, 'run' | 'url'>
  /** A name for the credentials of one measurement, used by no other. */
  nextRun: () => string
}

/** The server under test. */
export interface Subject {
  /** Its token endpoint. */
  url: string
  residentBytes: () => Promise<number | undefined>
  /** Called after each load. */
  afterLoad: () => void
}

/** One of 50 answers is looked into: seldom enough not to cost what is measured. */
const CHECK_EVERY = 50

/** Measures a group. @param done called with each row */
export async function measureGroup(
  bench: Bench,
  subject: Subject,
  { workload, connections, delaysMs }: CellGroup,
  done: (row: Row) => void,
): Promise<void> {
  const { durations } = bench
  const at = new URL(subject.url)
  const order = () => ({
    workload,
    connections,
    settings: { ...bench.settings, url: subject.url, run: bench.nextRun() },
    host: at.hostname,
    port: Number(at.port || 80),
    warmUpMs: durations.serviceWarmUp * 1000,
    measureMs: durations.service * 1000,
    checkEvery: bench.upstream ? CHECK_EVERY : 0,
  })
  const bare = async () => {
    const result = await bench.load.run({
      ...order(),
      host: '127.0.0.1',
      port: bench.barePort,
      warmUpMs: durations.bareWarmUp * 1000,
      measureMs: durations.bare * 1000,
      checkEvery: 0,
    })
    if (result.answers.wrong > 0) throw new Error(`the bare server: ${mistakesIn([result.answers]).join(', ')}`)
    return result
  }
  const perSecond = ({ requests, seconds }: LoadResult) => requests / seconds

  let before = await bare()
  for (const delayMs of delaysMs) {
    if (delayMs !== undefined) await bench.upstream?.set({ delayMs })
    const callsBefore = await bench.upstream?.calls()
    const result = await bench.load.run(order())
    const residentBytes = await subject.residentBytes()
    const upstreamCalls = callsBefore === undefined ? undefined : ((await bench.upstream?.calls()) ?? 0) - callsBefore
    subject.afterLoad()
    const after = await bare()
    const ceilings = [perSecond(before), perSecond(after)] as const
    done({
      workload,
      connections,
      delayMs,
      perSecond: perSecond(result),
      p50Ms: result.p50Ms,
      p99Ms: result.p99Ms,
      answers: result.answers,
      requests: result.allRequests,
      failures: failuresIn(result.answers),
      upstreamCalls,
      seconds: durations.serviceWarmUp + durations.service,
      residentBytes,
      bare: ceilings,
      ofBare: (2 * perSecond(result)) / (ceilings[0] + ceilings[1]),
      loadBusy: Math.max(result.busy, before.busy, after.busy),
    })
    before = after
  }
}
