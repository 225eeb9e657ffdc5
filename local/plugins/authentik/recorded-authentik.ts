/** For tests: an authentik that answers what the recorded one answered, and remembers what it was asked. */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { isDeepStrictEqual } from 'node:util'
import { projectDir } from '../../paths.ts'

export interface Exchange {
  readonly method: string
  readonly path: string
  readonly request: unknown
  readonly status: number
  readonly response: unknown
}

export const recording: readonly Exchange[] = JSON.parse(
  readFileSync(join(projectDir, 'local', 'authentik', 'exchanges.recorded.json'), 'utf8'),
)

// The recording has one placeholder for what was sent and another for the same text when it is read back.
const READ_BACK: Record<string, string> = {
  view_certificate: '<certificate PEM>',
  view_private_key: '<private key PEM, stripped>',
}

export interface Request {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

export type Answer = (request: Request) => { readonly status: number; readonly response: unknown }

/** As recorded; several objects were posted to one path, and the body tells which. */
export const asRecorded: Answer = ({ method, path, body }) => {
  const data = READ_BACK[path.split('/').at(-2) ?? '']
  if (data) return { status: 200, response: { data } }
  const found = recording.find(
    (exchange) =>
      exchange.method === method &&
      exchange.path === path &&
      exchange.status < 400 &&
      (method !== 'POST' || isDeepStrictEqual(exchange.request, body)),
  )
  return found ?? { status: 404, response: { detail: 'not recorded' } }
}

export interface RecordedAuthentik {
  readonly url: string
  readonly sent: Request[]
  answer: Answer
  close(): void
}

/** Starts it on a free loopback port. */
export async function startRecordedAuthentik(): Promise<RecordedAuthentik> {
  const respond = async (incoming: IncomingMessage): Promise<ReturnType<Answer>> => {
    const body = await text(incoming)
    const request = { method: incoming.method ?? '', path: incoming.url ?? '', body: body ? JSON.parse(body) : null }
    authentik.sent.push(request)
    return authentik.answer(request)
  }
  const server = createServer(async (incoming, outgoing) => {
    const { status, response } = await respond(incoming)
    outgoing.writeHead(status, { 'content-type': 'application/json' })
    outgoing.end(response === null ? '' : JSON.stringify(response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const authentik: RecordedAuthentik = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: [],
    answer: asRecorded,
    close: () => server.close(),
  }
  return authentik
}
