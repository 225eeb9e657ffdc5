/** A run of the bench: starts what it needs, measures, reports. */
import { judge, judgeRush, type Measurements } from './aims.ts'
import { sampleAnswer } from './bare-sample.ts'
import { startBareServer } from './bare-server.ts'
import { cellGroups, durations } from './cells.ts'
import { measureColdBurst, measureLongHaul } from './events.ts'
import { startLoadProcess } from './load-process.ts'
import { type Bench, measureGroup, type Row, type Subject } from './measure.ts'
import type { BenchOptions } from './options.ts'
import { ending, heading, rowLine, thisMachine, verdicts } from './report.ts'
import { measureRush, rushLine } from './rush.ts'
import { residentBytes, type ServiceProcess, startService } from './service-process.ts'
import { startUpstream, type Upstream } from './upstream.ts'

const WARM_UP_MS = 1_500

/**
 * Runs the bench.
 * @param say takes lines of text
 * @returns whether all answers were right
 */
export async function bench(options: BenchOptions, say: (text: string) => void): Promise<boolean> {
  if (options.only === 'rush') return rushAlone(options, say)
  const machine = thisMachine()
  const ourUpstream = options.target === undefined || options.upstreamPort !== undefined
  await using upstream = ourUpstream ? await startUpstream(options.upstreamPort) : undefined
  await using load = await startLoadProcess()
  const settings = {
    service: options.service,
    scope: options.scope,
    issuedAt: Math.floor(Date.now() / 1000),
  }
  let runs = 0
  const nextRun = () => `r${runs++}`
  const withSubject = subjects(options.target, upstream)
  const answer = await withSubject((subject) => sampleAnswer({ ...settings, url: subject.url, run: 'sample' }))
  await using bare = await startBareServer(answer)
  const bench: Bench = {
    load,
    upstream,
    barePort: bare.ready.port,
    durations: durations(options.extent, options.seconds),
    settings,
    nextRun,
  }

  await warmUp(bench)

  const rows: Row[] = []
  const report = (row: Row) => {
    rows.push(row)
    if (!options.json) say(rowLine(row))
  }
  if (!options.json) say(heading(machine))
  // One process for each workload: what one has left in the cache is not the next one's.
  for (const [, groups] of Map.groupBy(cellGroups(options.extent, ourUpstream), ({ workload }) => workload)) {
    await withSubject(async (subject) => {
      for (const group of groups) await measureGroup(bench, subject, group, report)
    })
  }
  const coldBurst = await withSubject((subject) => measureColdBurst(bench, subject))
  const longHaul =
    options.extent === 'full' ? await withSubject((subject) => measureLongHaul(bench, subject)) : undefined

  const rush =
    upstream && options.target === undefined && options.extent !== 'quick' ? await measureRush(upstream) : undefined

  const measurements: Measurements = { rows, coldBurst, longHaul, rush }
  const judged = judge(measurements)
  const counts = [
    ...rows.map(({ answers }) => answers),
    ...(coldBurst ? [coldBurst.answers] : []),
    ...(longHaul?.answers ?? []),
  ]
  if (options.json) say(JSON.stringify({ machine, ...measurements, aims: judged }, undefined, 2))
  else say(ending(rows, judged, counts))
  return counts.every(({ wrong }) => wrong === 0)
}

/** @returns true: it asks whether logins are answered, not with what */
async function rushAlone(options: BenchOptions, say: (text: string) => void): Promise<boolean> {
  await using upstream = await startUpstream()
  const rush = await measureRush(upstream)
  say(options.json ? rushLine(rush) : verdicts(judgeRush(rush)))
  return true
}

/**
 * The first seconds of a Node process are slower than all later ones; those of the load and the ceiling count nowhere.
 */
async function warmUp({ load, barePort, settings, nextRun }: Bench): Promise<void> {
  const host = '127.0.0.1'
  const whole = { ...settings, run: nextRun(), url: `http://${host}:${barePort}/token` }
  const times = { warmUpMs: 0, measureMs: WARM_UP_MS, checkEvery: 0 }
  await load.run({ workload: 'unique', settings: whole, host, port: barePort, connections: 64, ...times })
}

/** Gives the server under test to what measures it: a fresh process of the service, or the one that was named. */
function subjects(target: string | undefined, upstream: Upstream | undefined) {
  return async <Result>(use: (subject: Subject) => Promise<Result>): Promise<Result> => {
    if (target !== undefined || !upstream) {
      return use({ url: target ?? '', residentBytes: async () => undefined, afterLoad: () => {} })
    }
    await using service = await startService(upstream.url)
    return await use(subjectOf(service))
  }
}

function subjectOf({ url, pid, output, ended }: ServiceProcess): Subject {
  return {
    url,
    residentBytes: () => residentBytes(pid),
    afterLoad() {
      // Reading is what keeps the file short.
      const text = output.newLines()
      if (ended() !== undefined)
        throw new Error(`the token service has ended (${ended()}):\n${text.toString().slice(-2000)}`)
    },
  }
}
