/**
 * The bundled program that makes events as a process of its own, as the registry's pod runs it; and a URL that takes
 * them.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { bundleEvents, eventsFileName } from '../events/bundle.ts'
import type { CloudEvent } from '../events/cloud-event.ts'
import type { Limits } from '../events/limits.ts'

export interface EventsProcess extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly port: number
  /** What it has written to standard output, parsed. */
  stream(): CloudEvent[]
  /** What it has written to standard error. */
  log(): string
  /** Ends it. @returns its exit code, or the signal */
  stop(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null>
}

/** @param port 0: any */
export type StartEvents = (env?: Record<string, string>, limits?: Partial<Limits>) => Promise<EventsProcess>

const usual = {
  REGISTRY_URL: 'https://registry.example.com',
  PORT: '0',
  SOURCES: JSON.stringify([{ slug: 'github', platform: 'github', web: 'https://github.com' }]),
}

/** Builds the bundle once for a file of tests. */
export async function eventsBundle(): Promise<{ start: StartEvents } & AsyncDisposable> {
  const dir = await mkdtemp(join(tmpdir(), 'events-'))
  for (const [name, content] of Object.entries(await bundleEvents('test/events-main.ts'))) {
    await writeFile(join(dir, name), content)
  }
  return {
    start: (env = {}, limits = {}) => start(join(dir, eventsFileName), { ...usual, ...env }, limits),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
  }
}

async function start(file: string, env: Record<string, string>, limits: Partial<Limits>): Promise<EventsProcess> {
  const child = spawn(process.execPath, ['--enable-source-maps', file, JSON.stringify(limits)], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'close').then(([code, signal]) => code ?? signal)
  const { promise: listening, resolve, reject } = Promise.withResolvers<number>()
  let [stream, log] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    stream += piece
  })
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    log += piece
    const port = /"port":(\d+).*"msg":"listening"/.exec(log)?.[1]
    if (port) resolve(Number(port))
  })
  exited.then((code) => reject(new Error(`it ended with ${code} before it listened:\n${log}`)))
  const stop = (signal: NodeJS.Signals) => {
    child.kill(signal)
    return exited
  }
  const port = await listening
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    stream: () =>
      stream
        .slice(0, stream.lastIndexOf('\n') + 1)
        .split('\n')
        .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as CloudEvent])),
    log: () => log,
    stop,
    [Symbol.asyncDispose]: async () => void (await stop('SIGKILL')),
  }
}

/** A server at the URL that a stack names for its events. */
export interface EventsUrl extends AsyncDisposable {
  readonly url: string
  readonly received: { event: CloudEvent; headers: IncomingHttpHeaders }[]
  /** Its next answers; undefined: it does not answer until it is told to. */
  status: number | undefined
  /** Answers what has had no answer. */
  answer(status: number): void
}

export async function startEventsUrl(): Promise<EventsUrl> {
  const waiting: ServerResponse[] = []
  const server = createServer(async (request, response) => {
    const event = JSON.parse(await text(request)) as CloudEvent
    sink.received.push({ event, headers: request.headers })
    if (sink.status === undefined) waiting.push(response)
    else response.writeHead(sink.status, { location: '/elsewhere' }).end('an answer')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sink: EventsUrl = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    received: [],
    status: 202,
    answer: (status) => {
      for (const response of waiting.splice(0)) response.writeHead(status).end()
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return sink
}
