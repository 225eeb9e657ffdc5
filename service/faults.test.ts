import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { answerJson } from '../test/fake-upstream.ts'
import type { TokenServiceProcess } from '../test/token-service.ts'
import { basic, ci, secrets, useTokenService } from '../test/token-service-suite.ts'
import { unsignedToken } from '../test/unsigned-token.ts'
import type { Limits } from './limits.ts'

const suite = useTokenService({ started: false })

/** How often each fault is met, at once: what leaks a connection each time then shows. */
const TIMES = 10
/** Whatever comes, comes in time, however busy the machine is; the test ends before these do. */
const patient = {
  upstreamHeadersMs: 60_000,
  upstreamBodyMs: 60_000,
  upstreamTotalMs: 60_000,
  breakerFailures: 1_000,
  breakerTimeouts: 1_000,
}

const html = (status: number) => (_: unknown, response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'text/html' }).end(`<p>${secrets.quotedUpstream}</p>`)
}
const raw = (bytes: string) => (_: unknown, response: ServerResponse) => {
  response.socket?.end(bytes)
}
const jsonHead = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n'
const json = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'application/json' })

/** A client not seen before, on a connection that ends with the answer. */
const job = () => ({ ...basic('JWT', suite.secret(unsignedToken({ jti: crypto.randomUUID() }))), connection: 'close' })

/** Asks until there is a token: where a time-out is short, a busy machine may need several tries. */
async function served(at: TokenServiceProcess): Promise<void> {
  while ((await suite.ask(job(), { at })).status !== 200) await sleep(20)
}

/** What the process holds open; a lower number is not a leak. */
async function held(at: TokenServiceProcess) {
  const metric = await suite.metrics(at)
  return { files: metric('process_open_fds'), handles: metric('nodejs_active_handles_total') }
}

describe('when authentik', () => {
  it.each<[string, (request: IncomingMessage, response: ServerResponse) => unknown, number, string, Partial<Limits>?]>([
    [
      'refuses',
      answerJson(400, { error: 'invalid_grant', error_description: secrets.quotedUpstream }),
      401,
      'credentials_refused',
    ],
    ['does not know us', answerJson(400, { error: 'invalid_client' }), 503, 'client_id_unknown'],
    [
      'cannot store the user name',
      raw('HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n'),
      401,
      'subject_too_long',
    ],
    ['speaks of another error', answerJson(400, { error: secrets.quotedUpstream }), 503, 'upstream_unusable'],
    ['answers 405 with a page', html(405), 503, 'upstream_unusable'],
    ['asks for fewer requests', answerJson(429, { error: 'slow_down' }), 503, 'upstream_unusable'],
    ['fails with HTML', html(500), 503, 'upstream_unusable'],
    ['is replaced by the page of a proxy', html(502), 503, 'upstream_unusable'],
    ['succeeds with HTML', html(200), 503, 'upstream_unusable'],
    [
      'calls a JSON HTML',
      (_, r) => r.writeHead(200, { 'content-type': 'text/html' }).end('{"access_token":"a","expires_in":600}'),
      503,
      'upstream_unusable',
    ],
    [
      'says nothing of what its JSON is',
      (_, r) => r.writeHead(200).end('{"access_token":"a","expires_in":600}'),
      503,
      'upstream_unusable',
    ],
    ['sends nothing', (_, r) => json(r).end(), 503, 'upstream_unusable'],
    ['sends half a JSON', raw(`${jsonHead}content-length: 17\r\n\r\n{"access_token":"`), 503, 'upstream_unusable'],
    ['sends a JSON that is no token', answerJson(200, { token: secrets.quotedUpstream }), 503, 'upstream_unusable'],
    ['sends a JSON that is no object', answerJson(200, [secrets.quotedUpstream]), 503, 'upstream_unusable'],
    [
      'sends a token with a line break',
      answerJson(200, { access_token: 'a\nb', expires_in: 600 }),
      503,
      'upstream_unusable',
    ],
    ['sends a token that is over', answerJson(200, { access_token: 'a', expires_in: 0 }), 503, 'upstream_unusable'],
    [
      'sends us elsewhere',
      (_, r) => r.writeHead(307, { location: suite.upstream.url }).end(),
      503,
      'upstream_unusable',
    ],
    [
      'breaks off within its answer',
      raw(`${jsonHead}content-length: 900\r\n\r\n{"access_token":"${secrets.quotedUpstream}`),
      503,
      'upstream_broken',
    ],
    [
      'resets the connection within its answer',
      (request, r) => {
        json(r).write('{"access_token":')
        setImmediate(() => request.socket.resetAndDestroy())
      },
      503,
      'upstream_broken',
    ],
    ['resets the connection each time', (request) => request.socket.resetAndDestroy(), 503, 'upstream_broken'],
    ['does not speak HTTP', raw(`SSH-2.0-${secrets.quotedUpstream}\r\n\r\n`), 503, 'upstream_unusable'],
    [
      'sends headers without end',
      raw(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`),
      503,
      'upstream_unusable',
    ],
    [
      'sends 2 MiB',
      (_, r) => json(r).end(JSON.stringify({ access_token: 'x'.repeat(2 ** 21) })),
      503,
      'upstream_unusable',
    ],
    ['never answers', () => {}, 503, 'upstream_timeout', { upstreamHeadersMs: 300 }],
    ['stops within its answer', (_, r) => json(r).write('{'), 503, 'upstream_timeout', { upstreamBodyMs: 300 }],
    [
      'drips',
      (_, r) => {
        json(r)
        const drip = setInterval(() => r.write(' '), 20)
        r.on('close', () => clearInterval(drip))
      },
      503,
      'upstream_timeout',
      { upstreamTotalMs: 600 },
    ],
  ])('%s: said so, without a loss, and over when it is over', async (_, answer, status, reason, limit) => {
    const at = await suite.start({}, { ...patient, ...limit })
    const usual = suite.upstream.answer
    await served(at)
    const before = await held(at)

    suite.upstream.answer = answer
    const failures = await Promise.all(Array.from({ length: TIMES }, () => suite.ask(job(), { at })))
    for (const { status: found, error, response } of failures) {
      expect([found, error?.detail.reason]).toEqual([status, reason])
      expect(response.headers.get('retry-after')).toBe(status === 503 ? '5' : null)
      expect(response.headers.has('www-authenticate')).toBe(status === 401)
    }

    suite.upstream.answer = usual
    await served(at)
    suite.upstream.closeConnections()
    for (;;) {
      const after = await held(at)
      if (after.files <= before.files && after.handles <= before.handles) break
      await sleep(20)
    }
  })

  it('breaks the connection before it answers, it is asked once more', async () => {
    const at = await suite.start()
    const usual = suite.upstream.answer
    suite.upstream.answer = (request) => {
      suite.upstream.answer = usual
      request.socket.resetAndDestroy()
    }
    expect(await suite.ask(ci, { at })).toMatchObject({ status: 200 })
    expect(suite.upstream.received).toHaveLength(2)
  })

  it('has broken all idle connections, it is asked on a new one', async () => {
    const at = await suite.start()
    const usual = suite.upstream.answer
    const used = new WeakSet()
    suite.upstream.answer = (request, response) => {
      used.add(request.socket)
      return usual(request, response)
    }
    await Promise.all(Array.from({ length: TIMES }, () => suite.ask(job(), { at })))
    suite.upstream.answer = (request, response) =>
      used.has(request.socket) ? request.socket.resetAndDestroy() : usual(request, response)
    expect(await suite.ask(job(), { at })).toMatchObject({ status: 200 })
  })

  it('breaks the connection each time, it is asked twice and no more', async () => {
    const at = await suite.start()
    suite.upstream.answer = (request) => request.socket.resetAndDestroy()
    expect(await suite.ask(ci, { at })).toMatchObject({ status: 503, error: { detail: { reason: 'upstream_broken' } } })
    expect(suite.upstream.received).toHaveLength(2)
  })

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => unknown, Partial<Limits>?]>([
    ['has begun to answer', raw(`${jsonHead}content-length: 900\r\n\r\n{`)],
    ['has taken its time', () => {}, { upstreamHeadersMs: 1_000 }],
    ['has failed', html(500)],
  ])('%s, it is not asked again', async (_, answer, limit) => {
    const at = await suite.start({}, { ...patient, ...limit })
    suite.upstream.answer = answer
    expect((await suite.ask(ci, { at })).status).toBe(503)
    expect(suite.upstream.received).toHaveLength(1)
  })
})

describe('where the clocks of authentik and of this machine differ, what authentik says of the life of its token rules', () => {
  const minutes = 60
  const now = Math.floor(Date.now() / 1000)

  it.each([
    ['ahead', 5 * minutes],
    ['behind', -5 * minutes],
    ['a year behind', -525_600 * minutes],
  ])('its is %s', async (_, offset) => {
    const access = [{ type: 'repository', name: 'acme/app', actions: ['pull', 'push'] }]
    const times = { iat: now + offset, nbf: now + offset, exp: now + offset + 600 }
    const token = suite.secret(unsignedToken({ ...times, access }))
    suite.upstream.answer = (_, response) => {
      response.setHeader('date', new Date((now + offset) * 1000).toUTCString())
      json(response).end(JSON.stringify({ access_token: token, expires_in: 600 }))
    }
    const at = await suite.start()
    const asked = basic('JWT', suite.secret(unsignedToken({ ...times, exp: now + offset + 300 })))
    for (let request = 0; request < 3; request++) {
      const { status, body } = await suite.ask(asked, { at })
      expect(status).toBe(200)
      const { expires_in, issued_at } = body as { expires_in: number; issued_at: string }
      expect(expires_in).toBeGreaterThan(590)
      expect(expires_in).toBeLessThanOrEqual(600)
      expect(Math.abs(Date.parse(issued_at) - Date.now())).toBeLessThan(5_000)
    }
    // A job whose token is over by our clock is asked about each time: authentik knows better.
    expect(suite.upstream.received).toHaveLength(offset > 0 ? 1 : 3)
  })

  it('and a life that no clock can count is taken as it is', async () => {
    suite.upstream.answer = answerJson(200, {
      access_token: secrets.registryToken,
      expires_in: Number.MAX_SAFE_INTEGER,
    })
    const at = await suite.start()
    for (let request = 0; request < 2; request++) {
      const { status, body } = await suite.ask(ci, { at })
      expect([status, (body as { expires_in: number }).expires_in > 1e9]).toEqual([200, true])
    }
  })
})
