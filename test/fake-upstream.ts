/** What stands behind the token service in its own tests: a server that answers, or fails, as a test wants. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A stand-in for authentik's token endpoint, whose behaviour a test can change while it runs. */
export interface FakeUpstream {
  url: string
  /** The forms it was sent, and the headers they came with, in order. */
  received: { form: URLSearchParams; headers: IncomingMessage['headers'] }[]
  /** How often somebody looked, and sent nothing. */
  looks: number
  answer: RequestListener
  /** Connections accepted so far. */
  connections: number
  /** Ends those that are open, as a restart of authentik would. */
  closeConnections(): void
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts one; by default it answers everything with a token made of `token`. */
export async function fakeUpstream(token: string): Promise<FakeUpstream> {
  const server = createServer(async (request, response) => {
    const form = new URLSearchParams(await text(request))
    if (request.method === 'GET') upstream.looks += 1
    else upstream.received.push({ form, headers: request.headers })
    upstream.answer(request, response)
  })
  server.on('connection', () => upstream.connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const upstream: FakeUpstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/application/o/token/`,
    received: [],
    looks: 0,
    answer: answerJson(200, { access_token: token, token_type: 'Bearer', expires_in: 600, scope: 'docker-registry' }),
    connections: 0,
    closeConnections: () => server.closeAllConnections(),
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close').catch(() => {})
    },
  }
  return upstream
}

/** Answers each client id in its own way. */
export function answerByClient(
  upstream: Pick<FakeUpstream, 'received'>,
  answers: Readonly<Record<string, RequestListener>>,
): RequestListener {
  return (request, response) => {
    const answer =
      answers[upstream.received.at(-1)?.form.get('client_id') ?? ''] ?? answerJson(400, { error: 'invalid_client' })
    answer(request, response)
  }
}

/** Holds the answers back. @returns a function that releases them */
export function holdBack(upstream: Pick<FakeUpstream, 'answer'>): () => void {
  const usual = upstream.answer
  const { promise, resolve } = Promise.withResolvers<void>()
  upstream.answer = async (request, response) => {
    await promise
    usual(request, response)
  }
  return resolve
}

/** Answers with JSON. */
export function answerJson(status: number, body: unknown): RequestListener {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
}
