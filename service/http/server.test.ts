import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TokenError } from '../errors.ts'
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

const issued = { status: 200, headers: {}, body: '{"token":"t"}' }

const unused: TokenEndpoint = () => Promise.reject(new Error('no token is asked for'))

let server: Server
let lines: Record<string, unknown>[]
let decisions: Decision[]
let requests: unknown[]
let readiness: Readiness

function serve(
  token: TokenEndpoint,
  limits: Partial<Limits> = {},
  addressBurst = 0,
  revocation: RevocationEndpoint = async () => revokedAnswer,
): Promise<unknown> {
  lines = []
  decisions = []
  requests = []
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
    addressRate: createRateLimit({ rate: addressBurst && 1, burst: addressBurst, entries: 10 }, () => 0),
    trustedProxies: parseProxies('127.0.0.0/8') ?? { check: () => false },
    addressesKnown: true,
    newRequestId: () => `id-${++count}`,
    now: () => 0,
  })
  server.listen(0, '127.0.0.1')
  return once(server, 'listening')
}

beforeEach(() => serve(async () => issued))
afterEach(() => void server.close())

const port = () => (server.address() as AddressInfo).port
const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port()}${path}`, init)

/** Sends bytes as they are, and gives back all that comes until the server closes the connection. */
async function send(...pieces: string[]): Promise<string> {
  const socket: Socket = connect(port(), '127.0.0.1')
  const answer = text(socket)
  for (const piece of pieces) socket.write(piece)
  return answer
}

describe('paths and methods', () => {
  it('answers /live without a body', async () => {
    const response = await get('/live')
    expect([response.status, await response.text()]).toEqual([204, ''])
    expect(lines).toMatchObject([{ level: 'trace', status: 204 }])
    expect(decisions).toEqual([])
  })

  it('answers /ready with what is wrong, and ends connections while it drains', async () => {
    expect((await get('/ready')).status).toBe(204)
    readiness.drain()
    const response = await get('/ready')
    expect([response.status, response.headers.get('connection')]).toEqual([503, 'close'])
    expect(await response.json()).toEqual({ problems: ['draining'] })
  })

  it('answers OPTIONS with the methods, and lets no browser in', async () => {
    const response = await get('/token', { method: 'OPTIONS', headers: { origin: 'https://evil.example' } })
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'GET, HEAD, POST, OPTIONS'])
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    expect(decisions).toEqual([])
  })

  it('answers HEAD as GET, without the body', async () => {
    const response = await get('/token', { method: 'HEAD' })
    expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([200, '13', ''])
  })

  it.each(['//', '/token/', '/v2/', '/TOKEN', '/live/x', '/metrics'])('knows nothing at %s', async (path) => {
    const response = await get(path)
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({
      errors: [
        {
          code: 'UNSUPPORTED',
          message: 'There is nothing here; tokens are at /token (request id-1)',
          detail: { reason: 'path_unknown', requestId: 'id-1' },
        },
      ],
    })
  })

  it.each([
    ['PUT', '/token', 'GET, HEAD, POST, OPTIONS'],
    ['POST', '/live', 'GET, HEAD, OPTIONS'],
  ])('tells %s %s what is allowed there', async (method, path, allowed) => {
    const response = await get(path, { method })
    expect([response.status, response.headers.get('allow')]).toEqual([405, allowed])
    expect(response.headers.has('access-control-allow-origin')).toBe(false)
  })

  it('hands over the form of a POST', async () => {
    const seen: unknown[] = []
    server.close()
    await serve(async ({ form, decision }) => {
      const fields = new URLSearchParams(form)
      seen.push([fields.get('grant_type'), fields.get('scope'), decision.requestId])
      return issued
    })
    const form = new URLSearchParams({ grant_type: 'password', scope: 'repository:a:pull repository:b:pull' })
    expect((await get('/token?scope=ignored', { method: 'POST', body: form })).status).toBe(200)
    expect(seen).toEqual([['password', 'repository:a:pull repository:b:pull', 'id-1']])
  })

  it.each([
    ['application/json', '{"grant_type":"password"}'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['', ''],
  ])('says that a POST of %j should be a form', async (type, body) => {
    const response = await get('/token', { method: 'POST', headers: { 'content-type': type }, body: Buffer.from(body) })
    expect(response.status).toBe(415)
    expect(await response.json()).toMatchObject({
      errors: [
        {
          message: expect.stringContaining('must carry a form with the content type application/x-www-form-urlencoded'),
          detail: { reason: 'form_expected' },
        },
      ],
    })
  })

  it('hands over header and query, and never takes the request id of a client', async () => {
    const seen: unknown[] = []
    server.close()
    await serve(async (request) => {
      if (request.form === undefined) seen.push([request.authorization, request.query, request.decision.requestId])
      return issued
    })
    const response = await get('/token?scope=a&scope=b%20c', {
      headers: { authorization: 'x', 'x-request-id': 'forged' },
    })
    expect(seen).toEqual([['x', 'scope=a&scope=b%20c', 'id-1']])
    expect(response.headers.get('x-request-id')).toBe('id-1')
  })

  it('answers pipelined requests in order', async () => {
    const answers = await send(
      'GET /token HTTP/1.1\r\nhost: a\r\n\r\nGET /live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
    )
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 204'])
  })
})

describe('failures', () => {
  it('logs what a failure is about, beside what the client is told', async () => {
    server.close()
    await serve(async () => {
      throw new TokenError('upstream_timeout', 'Too late', { cause: 'ETIMEDOUT' })
    })
    expect((await get('/token')).status).toBe(503)
    expect(lines[0]).toMatchObject({ level: 'warn', reason: 'upstream_timeout', cause: 'ETIMEDOUT' })
    expect(decisions).toMatchObject([{ outcome: 'failed', reason: 'upstream_timeout', status: 503 }])
    expect(requests).toEqual([['failed', 'upstream_timeout', 0]])
  })

  it('answers a mistake of its own with 500, and logs where it was but not what it said', async () => {
    server.close()
    await serve(async () => {
      throw Object.assign(new RangeError('a secret'), { data: 'a secret' })
    })
    const response = await get('/token')
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('a secret')
    expect(lines[0]).toMatchObject({
      level: 'error',
      err: { type: 'RangeError', at: expect.arrayContaining([expect.any(String)]) },
    })
    expect(JSON.stringify(lines)).not.toContain('a secret')
  })
})

describe('the audit log', () => {
  it('names the client that the trusted proxy has seen, and its agent', async () => {
    await get('/token', { headers: { 'x-forwarded-for': '198.51.100.7, 203.0.113.9', 'user-agent': 'docker/28' } })
    expect(decisions).toMatchObject([
      { clientAddress: '203.0.113.9', userAgent: 'docker/28', outcome: 'granted', status: 200 },
    ])
    expect(requests).toEqual([['granted', 'granted', 0]])
  })
})

describe('/revoke', () => {
  const form = new URLSearchParams({ token: 'session' })

  it('takes a form by POST alone, from no other origin, and counts and audits apart from tokens', async () => {
    const response = await get('/revoke', { method: 'POST', body: form })
    expect([response.status, await response.json()]).toEqual([200, {}])
    expect(response.headers.get('cache-control')).toBe('no-store')
    const options = await get('/revoke', { method: 'OPTIONS', headers: { origin: 'https://evil.example' } })
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS'])
    expect([...options.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    expect(requests).toEqual([['revoked', 'revoked']])
    expect(decisions).toMatchObject([{ outcome: 'revoked', revocation: true, status: 200 }])
  })

  it.each<[string, RequestInit, number]>([
    ['GET', {}, 405],
    ['HEAD', { method: 'HEAD' }, 405],
    ['DELETE', { method: 'DELETE' }, 405],
    ['JSON', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }, 415],
    ['a form of 1 MiB', { method: 'POST', body: new URLSearchParams({ token: 'x'.repeat(2 ** 20) }) }, 413],
  ])('refuses %s in the shape of OAuth', async (_, init, status) => {
    const response = await get('/revoke', init)
    expect(response.status).toBe(status)
    if (status === 405) expect(response.headers.get('allow')).toBe('POST, OPTIONS')
    const body = await response.text()
    if (body !== '') {
      expect(JSON.parse(body)).toEqual({
        error: 'invalid_request',
        error_description: expect.stringMatching(/\(request id-1\)$/),
      })
    }
    expect(decisions).toMatchObject([{ outcome: 'refused', status }])
  })

  it.each([
    ['upstream_timeout', 503, 'temporarily_unavailable'],
    ['rate_limited', 429, 'temporarily_unavailable'],
    ['internal', 500, 'server_error'],
    ['revocation_unsupported', 400, 'unsupported_token_type'],
    ['form_malformed', 400, 'invalid_request'],
  ] as const)('calls %s %i %s', async (reason, status, error) => {
    server.close()
    await serve(unused, {}, 0, async () => {
      throw new TokenError(reason, 'what came', { waitSeconds: 3 })
    })
    const response = await get('/revoke', { method: 'POST', body: form })
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([status, error])
    if (status === 503) expect(response.headers.get('retry-after')).toBe(String(usualLimits.retryAfterSeconds))
    if (status === 429) expect(response.headers.get('retry-after')).toBe('3')
  })

  it('counts each request of an address, since what is forged is answered with 200 too', async () => {
    server.close()
    await serve(unused, {}, 2)
    const ask = async () => (await get('/revoke', { method: 'POST', body: form })).status
    expect([await ask(), await ask(), await ask()]).toEqual([200, 200, 429])
  })
})

describe('the rate of a client address', () => {
  it('counts calls to authentik and refusals, and says when to come back', async () => {
    server.close()
    const answers = [
      async () => issued,
      async ({ decision }: { decision: Decision }) => {
        decision.exchanges = 1
        return issued
      },
      async () => {
        throw new TokenError('credentials_refused', 'no')
      },
    ]
    let turn = 0
    await serve(async (request) => (await answers[turn]?.(request)) ?? issued, {}, 2)
    const statuses: number[] = []
    for (turn of [0, 0, 0, 1, 2, 0]) statuses.push((await get('/token')).status)
    expect(statuses).toEqual([200, 200, 200, 200, 401, 429])
    const limited = await get('/token')
    expect(limited.headers.get('retry-after')).toBe('1')
    expect(await limited.json()).toMatchObject({ errors: [{ code: 'TOOMANYREQUESTS' }] })
    // Another client behind the same proxy is another client.
    expect((await get('/token', { headers: { 'x-forwarded-for': '203.0.113.9' } })).status).toBe(200)
  })
})

describe('limits of a request', () => {
  it('refuses headers that are too large', async () => {
    const answer = await send(`GET /token HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(usualLimits.headerBytes)}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 431 [\s\S]*"reason":"headers_too_large"/)
    expect(lines).toMatchObject([{ status: 431 }])
    expect(requests).toEqual([['refused', 'headers_too_large', 0]])
  })

  it('refuses an address that is too long', async () => {
    const answer = await send(`GET /token?scope=${'x'.repeat(usualLimits.headerBytes)} HTTP/1.1\r\nhost: a\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 431 /)
  })

  it('refuses a body that says it is too large, before it comes', async () => {
    const socket = connect(port(), '127.0.0.1')
    socket.write(`GET /token HTTP/1.1\r\nhost: a\r\ncontent-length: ${usualLimits.bodyBytes + 1}\r\n\r\n`)
    const [answer] = await once(socket, 'data')
    socket.destroy()
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 [\s\S]*"reason":"body_too_large"/)
  })

  it('refuses a form of 1 MiB', async () => {
    const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x'.repeat(2 ** 20) })
    const response = await get('/token', { method: 'POST', body: form })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ errors: [{ detail: { reason: 'body_too_large' } }] })
  })

  it('refuses a body that grows too large', async () => {
    const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    const head = 'GET /token HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n'
    const answer = await send(head, piece, piece, '0\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('forgets a body that a GET may have', async () => {
    const request = 'GET /token HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello'
    const answers = await send(request, request.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'))
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200'])
  })

  it('does not wait for ever for headers', async () => {
    server.close()
    await serve(async () => issued, { requestHeadersMs: 100, requestTotalMs: 200, socketCheckMs: 50 })
    expect(await send('GET /token HTTP/1.1\r\nhost: a\r\n')).toMatch(
      /^HTTP\/1\.1 408 [\s\S]*"reason":"request_too_slow"/,
    )
  })

  it('does not mix an answer to garbage into one that is under way', async () => {
    const release = Promise.withResolvers<void>()
    server.close()
    await serve(async () => {
      await release.promise
      return issued
    })
    const answer = send('GET /token HTTP/1.1\r\nhost: a\r\n\r\n', 'garbage\r\n\r\n')
    expect(await answer.catch(() => '')).toBe('')
    release.resolve()
  })
})

describe('the page at /', () => {
  it('is HTML for the name that was asked, of which no audit line and no count is made', async () => {
    const response = await get('/')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    const text = await response.text()
    expect(text).toContain(`<title>127.0.0.1:${port()}</title>`)
    expect(text).toContain('none could be read')
    expect(decisions).toEqual([])
    expect(requests).toEqual([])
  })

  it('takes no form', async () => {
    expect((await get('/', { method: 'POST', body: 'a=b' })).status).toBe(405)
  })
})
