/** An authentik that answers what the program asks before it makes anything, and whatever a test puts in its place. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Answer = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => void

export interface FakeAuthentik extends AsyncDisposable {
  readonly url: string
  /** Requests as `GET /path?query token`, since the last reset. */
  readonly asked: string[]
  /** Answers below `/api/v3/`, by path. */
  answers: Record<string, Answer>
  reset(): void
}

export const json =
  (body: unknown, status = 200): Answer =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

export const list = (...results: object[]): Answer => json({ pagination: {}, results })

export const version = (text: unknown): Answer => json({ version_current: text, outdated: false })

const usual = (): Record<string, Answer> => ({
  'admin/version': version('2026.5.0'),
  'flows/instances': (_, response, query) => list({ pk: `flow ${query.get('slug')}` })(_, response, query),
  'providers/oauth2': list(),
  'sources/oauth': list(),
  'core/applications': list(),
  'crypto/certificatekeypairs': list(),
})

export async function startFakeAuthentik(): Promise<FakeAuthentik> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://any')
    fake.asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    const path = pathname.replace(/^\/api\/v3\/|\/$/g, '')
    const answer = fake.answers[path] ?? json({ detail: 'Not found.' }, 404)
    answer(request, response, searchParams)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const fake: FakeAuthentik = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    answers: usual(),
    reset() {
      fake.answers = usual()
      fake.asked.length = 0
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return fake
}
