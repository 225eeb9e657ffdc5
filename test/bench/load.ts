/**
 * A closed loop: so many connections, each asking again as soon as it is answered. What is counted are the answers
 * that arrive within the measured time.
 */
import { createHistogram } from 'node:perf_hooks'
import { type AnswerCount, countAnswer, mistakeIn, noAnswers } from './answer-check.ts'
import { createHttpSocket, type HttpSocket, type Outcome } from './http-socket.ts'
import { type Ask, createWorkload, type WorkloadName, type WorkloadSettings } from './workloads.ts'

/** What to send where, for how long; plain data, since it goes to another process. */
export interface LoadOrder {
  workload: WorkloadName
  settings: WorkloadSettings
  /** Which server gets it, where that is not the one of the settings. */
  host: string
  port: number
  connections: number
  warmUpMs: number
  measureMs: number
  /** Ends after so many requests, if the time is not over before. */
  maxRequests?: number
  /** Number of the first request, to go on where another order ended. */
  first?: number
  /** Looks into every so-manieth answer; 0: counts statuses only. */
  checkEvery: number
}

/** What came of it. */
export interface LoadResult {
  /** Answered within the measured time, and its length. */
  requests: number
  seconds: number
  /** Milliseconds from request to whole answer. */
  p50Ms: number
  p99Ms: number
  /** All answers, those of the warm-up too. */
  answers: AnswerCount
  allRequests: number
  /** Part of the time in which this process computed; near 1 it is the load that is slow, not the server. */
  busy: number
}

/** Milliseconds before a connection that broke is tried again: a server that is gone is not asked 10,000 times. */
const PAUSE_AFTER_BREAK_MS = 50
const LATE_CHECK_MS = 1_000

const HISTOGRAM = { lowest: 1, highest: 60_000_000, figures: 3 } // microseconds

/** Runs an order. */
export async function load(order: LoadOrder): Promise<LoadResult> {
  const next = createWorkload(order.workload, order.settings)
  const latencies = createHistogram(HISTOGRAM)
  const answers = noAnswers()
  let sent = 0
  let measured = 0
  let lastMs = 0

  const sockets = Array.from({ length: order.connections }, () => createHttpSocket(order))
  await Promise.all(sockets.map((socket) => socket.open()))
  const late = setInterval(() => {
    for (const socket of sockets) socket.giveUpLate(performance.now())
  }, LATE_CHECK_MS)

  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  const measureFromMs = startMs + order.warmUpMs
  const endMs = measureFromMs + order.measureMs
  const maxRequests = order.maxRequests ?? Number.POSITIVE_INFINITY

  const work = (socket: HttpSocket, finished: () => void) => {
    const again = () => {
      const sentMs = performance.now()
      if (sentMs >= endMs || sent >= maxRequests) return finished()
      const ask = next((order.first ?? 0) + sent++)
      socket.ask(ask.request, (outcome) => {
        const nowMs = performance.now()
        if (nowMs >= measureFromMs && nowMs <= endMs) {
          measured++
          lastMs = nowMs
          latencies.record(Math.max(1, Math.round((nowMs - sentMs) * 1000)))
        }
        take(ask, outcome)
        if ('broken' in outcome) setTimeout(again, PAUSE_AFTER_BREAK_MS)
        else again()
      })
    }
    again()
  }
  const take = (ask: Ask, outcome: Outcome) => {
    const broken = 'broken' in outcome
    const sample = order.checkEvery > 0 && (broken || outcome.status !== 200 || sent % order.checkEvery === 0)
    const expected = { mayRefuse: () => false, nowMs: Date.now() }
    countAnswer(answers, outcome, broken || sample ? mistakeIn(ask, outcome, expected) : undefined)
  }

  await Promise.all(sockets.map((socket) => new Promise<void>((finished) => work(socket, finished))))
  const wallMs = performance.now() - startMs
  const cpu = process.cpuUsage(cpuBefore)
  clearInterval(late)
  for (const socket of sockets) socket.close()

  return {
    requests: measured,
    seconds: ((order.maxRequests === undefined ? endMs : lastMs) - measureFromMs) / 1000,
    p50Ms: latencies.percentile(50) / 1000,
    p99Ms: latencies.percentile(99) / 1000,
    answers,
    allRequests: sent,
    busy: (cpu.user + cpu.system) / 1000 / wallMs,
  }
}
