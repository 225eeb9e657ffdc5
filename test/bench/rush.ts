/**
 * A rush of logins before an authentik that answers about four exchanges a second, in every state: who is answered
 * while still waiting, who learns at once that waiting is useless, and whether guesses of passwords get in the way.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { prepareDeployment, writeSignedTokens } from './deployment.ts'
import { createHttpSocket } from './http-socket.ts'
import { possibleAnswers } from './rush-possible.ts'
import { CLIENT_ID, type ServiceProcess, startService } from './service-process.ts'
import type { Upstream } from './upstream.ts'

/** What came of it. */
export interface Rush {
  /** docker logins, spread over `SPREAD_MS`. */
  logins: number
  /** Of these answered before docker gives up, and how many the upstream could have answered. */
  served: number
  possible: number
  /** Milliseconds after which the last one that was refused learned so; undefined where none was. */
  refusedWithinMs: number | undefined
  /** Of `logins` clients that wait, those that were answered. */
  patient: number
  /** Of `JOBS` logins beside guesses of passwords, those that were answered. */
  guessing: number
  /** Whether the circuit breaker opened in any of it. */
  breakerOpened: boolean
}

export const LOGINS = 100
export const JOBS = 20
const GUESSERS = 800
/** Milliseconds that the upstream's one worker takes. */
const WORKER_MS = 240
const SPREAD_MS = 5_000
/** Milliseconds after which docker gives up (seen: 15.0 s), and for clients that wait, a proxy in between. */
const DOCKER_MS = 15_000
const PROXY_MS = 60_000
/** Milliseconds for the guesses to fill all lines. */
const GUESS_AHEAD_MS = 5_000
const LIFETIME_SECONDS = 3_600

const docker = {
  query: `account=JWT&client_id=docker&offline_token=true&service=${CLIENT_ID}`,
  agent: 'docker/28.3.0 go/go1.24.4 kernel/6.8.0-60-generic os/linux arch/amd64',
  giveUpMs: DOCKER_MS,
}
const skopeo = {
  query: `account=JWT&scope=repository%3Aacme%2Fapp%3Apull%2Cpush&service=${CLIENT_ID}`,
  agent: 'skopeo/1.9.3',
  giveUpMs: PROXY_MS,
}

/** What came of one request: a status, or 0 where the client gave up or the connection broke. */
interface Answered {
  status: number
  tookMs: number
}

/** Runs the three rushes, each before a fresh service as a stack deploys it. */
export async function measureRush(upstream: Upstream): Promise<Rush> {
  const dir = await mkdtemp(join(tmpdir(), 'bench-rush-'))
  try {
    const { env, issuerKey } = await prepareDeployment(dir)
    const issuedAt = Math.floor(Date.now() / 1000)
    const facts = { repository: 'acme/app', issuedAt, expiresAt: issuedAt + LIFETIME_SECONDS }
    await writeSignedTokens(join(dir, 'tokens'), 2 * LOGINS + JOBS, issuerKey, facts)
    const tokens = (await readFile(join(dir, 'tokens'), 'utf8')).split('\n')
    await upstream.set({ delayMs: 0, workerMs: WORKER_MS })

    let breakerOpened = false
    const before = async <Result>(use: (service: ServiceProcess) => Promise<Result>): Promise<Result> => {
      await using service = await startService(upstream.url, env)
      const result = await use(service)
      if (service.output.newLines().includes('"breaker":"open"')) breakerOpened = true
      return result
    }
    const arriveMs = Array.from({ length: LOGINS }, (_, index) => (index * SPREAD_MS) / LOGINS)
    const logins = await before(({ url }) =>
      Promise.all(
        arriveMs.map(async (ms, index) => {
          await sleep(ms)
          return ask(url, `JWT:${tokens[index]}`, docker)
        }),
      ),
    )
    const patient = await before(({ url }) =>
      Promise.all(arriveMs.map((_, index) => ask(url, `JWT:${tokens[LOGINS + index]}`, skopeo))),
    )
    const jobs = await before(({ url }) => besideGuesses(url, tokens.slice(2 * LOGINS)))

    const refused = logins.filter(({ status }) => status !== 200)
    return {
      logins: LOGINS,
      served: logins.length - refused.length,
      possible: possibleAnswers(arriveMs, { workerMs: WORKER_MS, giveUpMs: DOCKER_MS }),
      refusedWithinMs: refused.length > 0 ? Math.round(Math.max(...refused.map(({ tookMs }) => tookMs))) : undefined,
      patient: patient.filter(({ status }) => status === 200).length,
      guessing: jobs.filter(({ status }) => status === 200).length,
      breakerOpened,
    }
  } finally {
    await upstream.set({ workerMs: 0 })
    await rm(dir, { recursive: true })
  }
}

/** The object that others read: `{"rush":{...}}` on one line. */
export function rushLine({ logins, served, possible, patient, guessing, breakerOpened }: Rush): string {
  return JSON.stringify({ rush: { logins, served, possible, patient, guessing, breakerOpened } })
}

/** Asks once, and gives up as the client does: it hangs up. */
function ask(url: string, login: string, { query, agent, giveUpMs }: typeof docker): Promise<Answered> {
  const { hostname: host, port } = new URL(url)
  const socket = createHttpSocket({ host, port: Number(port) })
  const startMs = performance.now()
  return new Promise((resolve) => {
    const end = (status: number) => {
      clearTimeout(timer)
      socket.close()
      resolve({ status, tookMs: performance.now() - startMs })
    }
    const timer = setTimeout(() => end(0), giveUpMs)
    socket.ask(requestOf(url, query, agent, login), (outcome) => end('broken' in outcome ? 0 : outcome.status))
  })
}

/** Guesses of passwords without end over many connections, and in the midst of them jobs that log in. */
async function besideGuesses(url: string, tokens: readonly string[]): Promise<Answered[]> {
  const { hostname: host, port } = new URL(url)
  const sockets = Array.from({ length: GUESSERS }, () => createHttpSocket({ host, port: Number(port) }))
  let guesses = 0
  let over = false
  for (const socket of sockets) {
    const guess = () => {
      if (over) return
      const login = `somebody-${guesses % GUESSERS}:guess-${guesses++}`
      socket.ask(requestOf(url, `service=${CLIENT_ID}`, 'guesser', login), () => setImmediate(guess))
    }
    guess()
  }
  await sleep(GUESS_AHEAD_MS)
  const jobs = await Promise.all(tokens.map((token) => ask(url, `JWT:${token}`, docker)))
  over = true
  for (const socket of sockets) socket.close()
  return jobs
}

function requestOf(url: string, query: string, agent: string, login: string): string {
  const { host, pathname } = new URL(url)
  const basic = Buffer.from(login, 'latin1').toString('base64')
  const head = `GET ${pathname}?${query} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${agent}\r\n`
  return `${head}Authorization: Basic ${basic}\r\n\r\n`
}
