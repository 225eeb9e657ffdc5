/** Beside the load of a soak: switches the faults of the upstream, and looks at the service's memory and output. */
import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes, type ServiceProcess } from './service-process.ts'
import { faultAt } from './soak-faults.ts'
import { badLinesIn } from './soak-verdict.ts'
import type { Fault, Upstream } from './upstream.ts'

/** What is seen. */
export interface Watch {
  /** Bytes of memory, at even distances. */
  resident: readonly number[]
  /** Lines of the output that speak of a mistake. */
  badLines: readonly string[]
  /** Whether a client may be refused at this moment. */
  mayRefuse(): boolean
  /** Looks and switches until the time is over, or the service has ended. */
  run(): Promise<void>
  /** Looks at what the service has written since the last time. */
  readOutput(): void
}

/** What it works with. */
export interface WatchOptions {
  service: ServiceProcess
  upstream: Upstream
  seconds: number
  /** Called once a minute. */
  eachMinute: (minute: number, lastResident: number | undefined) => void
}

/** Milliseconds for which clients may still be refused after the upstream accepts them again. */
const REFUSAL_ECHO_MS = 15_000

const LOOK_MS = 100
const OUTPUT_MS = 1_000
const SAMPLES = 240
const MIN_SAMPLE_MS = 1_000
const MINUTE_MS = 60_000

/** Makes it; nothing runs yet. */
export function createWatch({ service, upstream, seconds, eachMinute }: WatchOptions): Watch {
  const resident: number[] = []
  const badLines: string[] = []
  let fault: Fault = 'none'
  let echoUntilMs = 0

  const switchTo = async (next: Fault) => {
    if (next === fault) return
    if (fault === 'refuse') echoUntilMs = performance.now() + REFUSAL_ECHO_MS
    fault = next
    await upstream.set({ fault })
  }
  const sample = async () => {
    const bytes = await residentBytes(service.pid)
    if (bytes !== undefined) resident.push(bytes)
  }
  const readOutput = () => {
    badLines.push(...badLinesIn(service.output.newLines()))
  }
  const jobs = [
    { everyMs: Math.max(MIN_SAMPLE_MS, (seconds * 1000) / SAMPLES), run: sample },
    { everyMs: OUTPUT_MS, run: readOutput },
    { everyMs: MINUTE_MS, run: (times: number) => eachMinute(times, resident.at(-1)) },
  ].map((job) => ({ ...job, times: 0 }))

  return {
    resident,
    badLines,
    mayRefuse: () => fault === 'refuse' || performance.now() < echoUntilMs,
    async run() {
      const startMs = performance.now()
      for (;;) {
        const elapsedMs = performance.now() - startMs
        await switchTo(faultAt(elapsedMs / 1000))
        for (const job of jobs) {
          if (elapsedMs < (job.times + 1) * job.everyMs) continue
          job.times = Math.floor(elapsedMs / job.everyMs)
          await job.run(job.times)
        }
        if (elapsedMs >= seconds * 1000 || service.ended() !== undefined) break
        await sleep(LOOK_MS)
      }
      await switchTo('none')
    },
    readOutput,
  }
}
