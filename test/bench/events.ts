/** What is measured once, each on a fresh service: many at once on a cold cache, and a million requests. */
import type { AnswerCount } from './answer-check.ts'
import type { Bench, Subject } from './measure.ts'

/** Many identical requests at once, all of them new to the service. */
export interface ColdBurst {
  requests: number
  upstreamCalls: number
  answers: AnswerCount
}

/** Memory on the way through a million requests. */
export interface LongHaul {
  /** After each quarter. */
  steps: { requests: number; residentBytes: number; perSecond: number }[]
  answers: AnswerCount[]
}

const BURST_REQUESTS = 200
/** Milliseconds; long enough for all to be on their way before the first is answered. */
const BURST_DELAY_MS = 200
const BURST_LIMIT_MS = 10_000

const HAUL_STEPS = 4
const HAUL_STEP_REQUESTS = 250_000
const HAUL_CONNECTIONS = 64
/** Milliseconds for a step; one that does not end in time makes the figure incomplete, not the run endless. */
const HAUL_STEP_LIMIT_MS = 5 * 60_000
const HAUL_CHECK_EVERY = 100

/** Sends them. @returns undefined where the upstream is not ours to count */
export async function measureColdBurst(bench: Bench, subject: Subject): Promise<ColdBurst | undefined> {
  if (!bench.upstream) return undefined
  await bench.upstream.set({ delayMs: BURST_DELAY_MS })
  const callsBefore = await bench.upstream.calls()
  const { answers } = await bench.load.run({
    ...orderFor(bench, subject),
    workload: 'repeated',
    connections: BURST_REQUESTS,
    maxRequests: BURST_REQUESTS,
    measureMs: BURST_LIMIT_MS,
    checkEvery: 1,
  })
  subject.afterLoad()
  return { requests: BURST_REQUESTS, upstreamCalls: (await bench.upstream.calls()) - callsBefore, answers }
}

/** Sends a million requests of 50,000 credentials in turn. @returns undefined where memory cannot be seen */
export async function measureLongHaul(bench: Bench, subject: Subject): Promise<LongHaul | undefined> {
  if ((await subject.residentBytes()) === undefined) return undefined
  await bench.upstream?.set({ delayMs: 0 })
  const haul: LongHaul = { steps: [], answers: [] }
  const order = orderFor(bench, subject)
  let requests = 0
  for (let step = 0; step < HAUL_STEPS; step++) {
    const result = await bench.load.run({
      ...order,
      workload: 'many',
      connections: HAUL_CONNECTIONS,
      first: requests,
      maxRequests: HAUL_STEP_REQUESTS,
      measureMs: HAUL_STEP_LIMIT_MS,
      checkEvery: HAUL_CHECK_EVERY,
    })
    subject.afterLoad()
    requests += result.allRequests
    const residentBytes = (await subject.residentBytes()) ?? 0
    haul.steps.push({ requests, residentBytes, perSecond: result.requests / result.seconds })
    haul.answers.push(result.answers)
  }
  return haul
}

function orderFor(bench: Bench, subject: Subject) {
  const at = new URL(subject.url)
  return {
    settings: { ...bench.settings, url: subject.url, run: bench.nextRun() },
    host: at.hostname,
    port: Number(at.port || 80),
    warmUpMs: 0,
  }
}
