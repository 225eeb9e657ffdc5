/** The token service for a long time at half of what it can do, while its upstream fails in one way after the other. */
import { setTimeout as sleep } from 'node:timers/promises'
import { megabytes } from './aims.ts'
import { type AnswerCount, countAnswer, mistakeIn, noAnswers, statusesOf } from './answer-check.ts'
import { load } from './load.ts'
import { pacedLoad } from './paced-load.ts'
import { CLIENT_ID, startService } from './service-process.ts'
import { memoryGrowth, problemsOf } from './soak-verdict.ts'
import { createWatch } from './soak-watch.ts'
import { isRefusable, startUpstream } from './upstream.ts'
import { createWorkload } from './workloads.ts'

/** How long it runs, and where it reports. */
export interface SoakSettings {
  seconds: number
  /** Requests a second at most, where the machine is needed for other things too; half of the capacity if left out. */
  atMost?: number
  /** Takes a line at the beginning and one a minute. */
  say?: (line: string) => void
}

/** What came of it. */
export interface SoakResult {
  perSecond: number
  sent: number
  /** Requests that were due while every connection waited. */
  heldBack: number
  answers: AnswerCount
  /** Memory in a few words; undefined where it cannot be measured, or the run was too short. */
  memory: string | undefined
  upstreamCalls: number
  /** What is wrong; empty if nothing is. */
  problems: string[]
}

/** So that the black hole and what waits in it are over within one spell. */
const env = { LIMIT_UPSTREAM_HEADERS_MS: '1000', LIMIT_UPSTREAM_TOTAL_MS: '2000' }
/** Short, so that tokens expire and are fetched again. */
const LIFETIME_SECONDS = 120
const UPSTREAM_DELAY_MS = 5

const CONNECTIONS = 128
const CAPACITY_CONNECTIONS = 64
const CAPACITY_WARM_UP_MS = 1_000
const CAPACITY_MS = 3_000
const PART_OF_CAPACITY = 0.5
/** Milliseconds of calm before the service is asked to end. */
const CALM_END_MS = 2_500

/**
 * Runs it, for about ten seconds more than the given time.
 * @throws Error if it cannot begin
 */
export async function soak({
  seconds,
  atMost = Number.POSITIVE_INFINITY,
  say = () => {},
}: SoakSettings): Promise<SoakResult> {
  await using upstream = await startUpstream()
  await upstream.set({ delayMs: UPSTREAM_DELAY_MS, lifetimeSeconds: LIFETIME_SECONDS })
  await using service = await startService(upstream.url, env)
  const server = { host: '127.0.0.1', port: Number(new URL(service.url).port) }
  const settings = {
    url: service.url,
    service: CLIENT_ID,
    scope: 'repository:acme/app:pull,push',
    issuedAt: Math.floor(Date.now() / 1000),
  }

  const capacity = await load({
    ...server,
    workload: 'soak',
    settings: { ...settings, run: 'capacity' },
    connections: CAPACITY_CONNECTIONS,
    warmUpMs: CAPACITY_WARM_UP_MS,
    measureMs: CAPACITY_MS,
    checkEvery: 1,
  })
  const canDo = capacity.requests / capacity.seconds
  const perSecond = Math.min(atMost, Math.ceil(canDo * PART_OF_CAPACITY))
  say(`it can do ${canDo.toFixed(0)} requests/s; ${perSecond}/s for ${seconds} s now, while the upstream fails in turn`)

  const { wrong, mistakes } = capacity.answers
  const answers = { ...noAnswers(), wrong, mistakes }
  const watch = createWatch({
    service,
    upstream,
    seconds,
    eachMinute(minute, bytes) {
      const memory = bytes === undefined ? '' : `, ${megabytes(bytes)} MB`
      say(`minute ${minute}: ${statusesOf(answers)}, ${answers.wrong} wrong${memory}`)
    },
  })

  const workload = createWorkload('soak', { ...settings, run: 'soak' })
  const stopSending = new AbortController()
  let index = 0
  const sending = pacedLoad({
    ...server,
    connections: CONNECTIONS,
    perSecond,
    signal: stopSending.signal,
    next: () => workload(index++),
    answered(ask, outcome) {
      const mayRefuse = (jwt: string) => watch.mayRefuse() && isRefusable(jwt)
      countAnswer(answers, outcome, mistakeIn(ask, outcome, { mayRefuse, nowMs: Date.now() }))
    },
  })
  await watch.run()
  if (service.ended() === undefined) await sleep(CALM_END_MS)
  stopSending.abort()
  const { sent, heldBack } = await sending

  const endedEarly = service.ended() !== undefined
  const exit = await service.stop()
  watch.readOutput()
  const { resident, badLines } = watch
  return {
    perSecond,
    sent,
    heldBack,
    answers,
    memory: memoryGrowth(resident)?.figures,
    upstreamCalls: await upstream.calls(),
    problems: problemsOf({ answers, resident, badLines, endedEarly, exit }),
  }
}
