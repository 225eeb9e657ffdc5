/**
 * The service as it is deployed, and another token server, in turn: what disturbs the one disturbs the other. On a
 * machine that others use too a rate says little; what a request costs in processor time says more.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AnswerCount, failuresIn, mistakesIn } from './answer-check.ts'
import { prepareDeployment, writeSignedTokens } from './deployment.ts'
import { type LoadProcess, startLoadProcess } from './load-process.ts'
import type { BenchOptions } from './options.ts'
import { cpuSeconds, listenerOf } from './process-cpu.ts'
import { thisMachine } from './report.ts'
import { startService } from './service-process.ts'
import { startUpstream } from './upstream.ts'
import { repositoryOf, type WorkloadSettings } from './workloads.ts'

const CONNECTIONS = [16, 64]
const ROUNDS = 5
/** Requests of one round, by workload: about a second of each server's time. */
const REQUESTS = { unique: 3_000, repeated: 10_000 }
const WORKLOADS = ['unique', 'repeated'] as const
/** The first seconds of a process are slower than all later ones. */
const WARM_UP_REQUESTS = 6_000
/** The limit of a round, whatever is wrong with a server. */
const ROUND_LIMIT_MS = 60_000
const CHECK_EVERY = 50
/** Of the CI tokens. */
const LIFETIME_SECONDS = 3_600

interface Server {
  url: URL
  pid: number | undefined
  /** Looks into every so-manieth answer; 0: not at all, as other servers leave out one of the token's two names. */
  checkEvery: number
}

/** What one server did: the median of its rounds. */
export interface Side {
  perSecond: number
  /** Microseconds of processor time for each request; undefined where they are not known. */
  cpuMicros: number | undefined
}

/** One workload over so many connections. The ratios are those of the service to the target, median and extremes. */
export interface Compared {
  workload: (typeof WORKLOADS)[number]
  connections: number
  service: Side
  target: Side
  rate: Spread
  cpu: Spread | undefined
}

/** @public */
export interface Spread {
  median: number
  least: number
  most: number
}

/**
 * Compares.
 * @param say takes lines of text
 * @returns whether all answers were right
 */
export async function alternate(options: BenchOptions, say: (text: string) => void): Promise<boolean> {
  const machine = thisMachine()
  const issuedAt = Math.floor(Date.now() / 1000)
  const dir = await mkdtemp(join(tmpdir(), 'bench-'))
  try {
    const { env, issuerKey } = await prepareDeployment(dir)
    const tokens = join(dir, 'tokens')
    const count = WARM_UP_REQUESTS + CONNECTIONS.length * ROUNDS * REQUESTS.unique
    const facts = { repository: repositoryOf(options.scope), issuedAt, expiresAt: issuedAt + LIFETIME_SECONDS }
    await writeSignedTokens(tokens, count, issuerKey, facts)

    await using upstream = await startUpstream(options.upstreamPort)
    await using load = await startLoadProcess()
    await using service = await startService(upstream.url, env)
    const at = new URL(options.target ?? '')
    const ours: Server = { url: new URL(service.url), pid: service.pid, checkEvery: CHECK_EVERY }
    const target: Server = { url: at, pid: await listenerOf(portOf(at)), checkEvery: 0 }
    const answers: AnswerCount[] = []
    const measure = async (
      server: Server,
      order: { workload: Compared['workload']; connections: number; first: number; maxRequests: number },
    ): Promise<Side> => {
      const settings = { scope: options.scope, service: options.service, issuedAt, run: '', tokens }
      const side = await measureSide(load, server, { ...order, settings: { ...settings, url: server.url.href } })
      answers.push(side.answers)
      service.output.newLines() // reading is what keeps the file short
      return side
    }

    const warmUp = { workload: 'unique', connections: 64, first: 0, maxRequests: WARM_UP_REQUESTS } as const
    for (const server of [ours, target]) await measure(server, warmUp)
    let first = WARM_UP_REQUESTS
    const compared: Compared[] = []
    if (!options.json) say(heading(machine))
    for (const workload of WORKLOADS) {
      for (const connections of CONNECTIONS) {
        const rounds: [Side, Side][] = []
        for (let round = 0; round < ROUNDS; round++) {
          const order = { workload, connections, first, maxRequests: REQUESTS[workload] }
          // Each goes first as often as the other, or nearly so.
          const sides = round % 2 === 0 ? [ours, target] : [target, ours]
          const measured = [await measure(sides[0] as Server, order), await measure(sides[1] as Server, order)] as const
          rounds.push(round % 2 === 0 ? [measured[0], measured[1]] : [measured[1], measured[0]])
          if (workload === 'unique') first += REQUESTS.unique
        }
        const row = compare(workload, connections, rounds)
        compared.push(row)
        if (!options.json) say(rowLine(row))
      }
    }
    const failures = answers.reduce((sum, count) => sum + failuresIn(count), 0)
    if (options.json) say(JSON.stringify({ machine, alternate: compared, failures }, undefined, 2))
    else say(failures === 0 ? '\nNo failures.' : `\n${failures} failures: ${mistakesIn(answers).join(', ')}`)
    return answers.every(({ wrong }) => wrong === 0)
  } finally {
    await rm(dir, { recursive: true })
  }
}

async function measureSide(
  load: LoadProcess,
  { url, pid, checkEvery }: Server,
  order: {
    workload: Compared['workload']
    connections: number
    first: number
    maxRequests: number
    settings: WorkloadSettings
  },
): Promise<Side & { answers: AnswerCount }> {
  const cpu = async () => (pid === undefined ? undefined : cpuSeconds(pid))
  const before = await cpu()
  const times = { warmUpMs: 0, measureMs: ROUND_LIMIT_MS }
  const result = await load.run({ ...order, ...times, host: url.hostname, port: portOf(url), checkEvery })
  const after = await cpu()
  const cpuMicros =
    before === undefined || after === undefined ? undefined : ((after - before) * 1e6) / result.allRequests
  return { perSecond: result.requests / result.seconds, cpuMicros, answers: result.answers }
}

/** @param rounds each with the service's side first */
export function compare(
  workload: Compared['workload'],
  connections: number,
  rounds: readonly (readonly [service: Side, target: Side])[],
): Compared {
  const side = (index: 0 | 1): Side => ({
    perSecond: spread(rounds.map((round) => round[index].perSecond))?.median ?? Number.NaN,
    cpuMicros: spread(rounds.map((round) => round[index].cpuMicros))?.median,
  })
  const cpus = rounds.map(([{ cpuMicros: a }, { cpuMicros: b }]) => (a === undefined || !b ? undefined : a / b))
  return {
    workload,
    connections,
    service: side(0),
    target: side(1),
    rate: spread(rounds.map(([service, target]) => service.perSecond / target.perSecond)) as Spread,
    cpu: spread(cpus),
  }
}

function spread(values: readonly (number | undefined)[]): Spread | undefined {
  const known = values.filter((value) => value !== undefined).toSorted((a, b) => a - b)
  if (known.length < values.length) return undefined
  const [least, most] = [known[0], known.at(-1)] as [number, number]
  return { median: known[Math.floor(known.length / 2)] as number, least, most }
}

const portOf = ({ port }: URL) => Number(port || 80)

const widths = [9, 5, 15, 17, 17, 17]
const line = (cells: readonly string[]) =>
  cells.map((cell, index) => (index === 0 ? cell.padEnd : cell.padStart).call(cell, widths[index] ?? 0)).join(' ')

function heading({ cores, node, loadBefore }: ReturnType<typeof thisMachine>): string {
  return [
    `${cores} cores, Node ${node}, load before: ${loadBefore.toFixed(1)}; the service as a stack deploys it, and the target, in turn`,
    `Medians of ${ROUNDS} rounds; in brackets the least and the most of a round. us: processor time of a request.`,
    '',
    line(['', 'conns', 'req/s', 'rate of target', 'us', 'of target']),
  ].join('\n')
}

function rowLine({ workload, connections, service, target, rate, cpu }: Compared): string {
  const micros = (side: Side) => side.cpuMicros?.toFixed(0) ?? '-'
  return line([
    workload,
    String(connections),
    `${service.perSecond.toFixed(0)} / ${target.perSecond.toFixed(0)}`,
    spreadText(rate),
    `${micros(service)} / ${micros(target)}`,
    cpu ? spreadText(cpu) : '-',
  ])
}

const spreadText = ({ median, least, most }: Spread) => `${median.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`
