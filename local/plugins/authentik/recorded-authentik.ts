/** For tests: an authentik that answers what the recorded one answered, and remembers what it was asked. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Hono } from 'hono'
import { listen } from '../../issuers/listen.ts'
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
  close(): Promise<void>
}

/** Starts it on a free loopback port. */
export async function startRecordedAuthentik(): Promise<RecordedAuthentik> {
  const app = new Hono().all('*', async ({ req }) => {
    const { pathname, search } = new URL(req.url)
    const body = await req.text()
    const request = { method: req.method, path: pathname + search, body: body ? JSON.parse(body) : null }
    authentik.sent.push(request)
    const { status, response } = authentik.answer(request)
    return response === null ? new Response(null, { status }) : Response.json(response, { status })
  })
  const { url, close } = await listen(app, {})
  const authentik: RecordedAuthentik = { url, sent: [], answer: asRecorded, close }
  return authentik
}
