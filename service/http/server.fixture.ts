/** The token server on a port of its own, before token endpoints that a test gives it. */
import { once } from 'node:events'
import { type AddressInfo, connect, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach } from 'vitest'
import { type Limits, limits as usualLimits } from '../limits.ts'
import type { Decision } from '../operations/audit.ts'
import { createLog } from '../operations/log.ts'
import { createReadiness, type Readiness } from '../operations/readiness.ts'
import { noTracing } from '../operations/tracing.ts'
import type { RevocationEndpoint } from '../revocation.ts'
import type { TokenEndpoint } from '../token.ts'
import { parseProxies } from '../trusted-proxies.ts'
import { revokedAnswer } from './answer.ts'
import { createRateLimit } from './rate-limit.ts'
import { createTokenServer } from './server.ts'

export const issued = { status: 200, headers: {}, body: '{"token":"t"}' }

/** Where no token may be asked for. */
export const unused: TokenEndpoint = () => Promise.reject(new Error('no token is asked for'))

/** Starts a server for each test of a file, with a token for everybody until the test says otherwise by `serve`. */
export function tokenServer() {
  let server: Server
  let readiness: Readiness
  const lines: Record<string, unknown>[] = []
  const decisions: Decision[] = []
  const requests: unknown[] = []
  const port = () => (server.address() as AddressInfo).port

  /** Serves in place of what was served before. */
  async function serve(
    token: TokenEndpoint,
    limits: Partial<Limits> = {},
    addressBurst = 0,
    revocation: RevocationEndpoint = async () => revokedAnswer,
  ): Promise<void> {
    server?.close()
    for (const list of [lines, decisions, requests]) list.length = 0
    readiness = createReadiness()
    let count = 0
    server = createTokenServer({
      token,
      revocation,
      limits: { ...usualLimits, ...limits },
      log: createLog('trace', { write: (line) => lines.push(JSON.parse(line)) }),
      audit: { write: (decision) => decisions.push({ ...decision }), prepare: () => ({ write: () => {}, bytes: 0 }) },
      metrics: {
        request: (...counted) => requests.push(counted),
        revocation: (...counted) => requests.push(counted),
        rateLimited: () => {},
        connectionDropped: () => {},
      },
      tracing: noTracing,
      readiness,
      pageFacts: () => ({ authentikAnswers: true, keysMatch: true, hasRules: false }),
      addressRate: createRateLimit({ rate: addressBurst && 1, burst: addressBurst }, () => 0),
      trustedProxies: parseProxies('127.0.0.0/8') ?? { check: () => false },
      addressesKnown: true,
      newRequestId: () => `id-${++count}`,
      now: () => 0,
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }

  beforeEach(() => serve(async () => issued))
  afterEach(() => void server.close())

  return {
    serve,
    port,
    get: (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port()}${path}`, init),
    /** Sends bytes as they are. @returns all that comes until the server closes the connection */
    send: async (...pieces: string[]): Promise<string> => {
      const socket = connect(port(), '127.0.0.1')
      const answer = text(socket)
      for (const piece of pieces) socket.write(piece)
      return answer
    },
    drain: () => readiness.drain(),
    /** What was logged, audited and counted since the server was started. */
    lines,
    decisions,
    requests,
  }
}
