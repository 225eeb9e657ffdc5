import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { answerJson } from '../test/fake-upstream.ts'
import { basic, ci, secrets, useTokenService } from '../test/token-service-suite.ts'

const suite = useTokenService()

describe('when authentik', () => {
  const html = (status: number) => (_: unknown, response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'text/html' }).end(`<p>${secrets.quotedUpstream}</p>`)
  }
  const raw = (head: string) => (_: unknown, response: ServerResponse) => {
    response.socket?.end(head)
  }
  const jsonHead = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n'

  it.each([
    [
      'refuses',
      answerJson(400, { error: 'invalid_grant', error_description: secrets.quotedUpstream }),
      401,
      'credentials_refused',
    ],
    ['does not know us', answerJson(400, { error: 'invalid_client' }), 503, 'client_unknown'],
    [
      'cannot store the user name',
      raw('HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n'),
      401,
      'subject_too_long',
    ],
    ['speaks of another error', answerJson(400, { error: secrets.quotedUpstream }), 503, 'upstream_unusable'],
    ['fails with HTML', html(500), 503, 'upstream_unusable'],
    ['succeeds with HTML', html(200), 503, 'upstream_unusable'],
    [
      'calls a JSON HTML',
      (_: unknown, r: ServerResponse) =>
        r.writeHead(200, { 'content-type': 'text/html' }).end('{"access_token":"a","expires_in":600}'),
      503,
      'upstream_unusable',
    ],
    ['sends half a JSON', raw(`${jsonHead}content-length: 17\r\n\r\n{"access_token":"`), 503, 'upstream_unusable'],
    ['sends a JSON that is no token', answerJson(200, { token: secrets.quotedUpstream }), 503, 'upstream_unusable'],
    [
      'sends a token with a line break',
      answerJson(200, { access_token: 'a\nb', expires_in: 600 }),
      503,
      'upstream_unusable',
    ],
    [
      'sends us elsewhere',
      (_: unknown, r: ServerResponse) => r.writeHead(307, { location: suite.upstream.url }).end(),
      503,
      'upstream_unusable',
    ],
    [
      'breaks off within its answer',
      raw(`${jsonHead}content-length: 900\r\n\r\n{"access_token":"${secrets.quotedUpstream}`),
      503,
      'upstream_broken',
    ],
    ['does not speak HTTP', raw(`SSH-2.0-${secrets.quotedUpstream}\r\n\r\n`), 503, 'upstream_unusable'],
    [
      'sends 2 MiB',
      (_: unknown, r: ServerResponse) =>
        r
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ access_token: 'x'.repeat(2 ** 21) })),
      503,
      'upstream_unusable',
    ],
  ] as const)('%s', async (_, answer, status, reason) => {
    const usual = suite.upstream.answer
    suite.upstream.answer = answer
    const failed = await suite.ask(ci)
    expect(failed.error).toMatchObject({ detail: { reason } })
    expect(failed.status).toBe(status)
    expect(failed.response.headers.get('retry-after')).toBe(status === 503 ? '5' : null)
    expect(failed.response.headers.has('www-authenticate')).toBe(status === 401)
    expect(suite.upstream.received).toHaveLength(1)

    suite.upstream.answer = usual
    // A refusal is remembered for a few seconds, by exact request; nothing else is.
    const again = status === 401 ? basic('JWT', suite.secret('x.another-token.y')) : ci
    expect(await suite.ask(again)).toMatchObject({ status: 200 })
  })

  it('breaks the connection before it answers, it is asked once more', async () => {
    const usual = suite.upstream.answer
    suite.upstream.answer = (request) => {
      suite.upstream.answer = usual
      request.socket.resetAndDestroy()
    }
    expect(await suite.ask(ci)).toMatchObject({ status: 200 })
    expect(suite.upstream.received).toHaveLength(2)
  })

  it('breaks the connection each time, it is asked twice and no more', async () => {
    suite.upstream.answer = (request) => request.socket.resetAndDestroy()
    expect(await suite.ask(ci)).toMatchObject({ status: 503, error: { detail: { reason: 'upstream_broken' } } })
    expect(suite.upstream.received).toHaveLength(2)
  })

  it('is not there, that is said', async () => {
    const lonely = await suite.start({ TOKEN_URL: 'http://127.0.0.1:1/token/' })
    expect(await suite.ask(ci, { at: lonely })).toMatchObject({
      status: 503,
      error: { detail: { reason: 'upstream_unreachable' } },
    })
    await suite.stop(lonely)
    expect(lonely.output()).toContain('"cause":"ECONNREFUSED"')
  })

  it.each([
    ['never answers', () => {}, { upstreamHeadersMs: 200 }],
    [
      'stops within its answer',
      (_: unknown, r: ServerResponse) => r.writeHead(200, { 'content-type': 'application/json' }).write('{'),
      { upstreamBodyMs: 200 },
    ],
    [
      'drips',
      (_: unknown, r: ServerResponse) => {
        r.writeHead(200, { 'content-type': 'application/json' })
        const drip = setInterval(() => r.write(' '), 20)
        r.on('close', () => clearInterval(drip))
      },
      { upstreamTotalMs: 300 },
    ],
  ] as const)('%s, the wait ends', async (_, answer, limits) => {
    suite.upstream.answer = answer
    const impatient = await suite.start({}, limits)
    const started = performance.now()
    expect(await suite.ask(ci, { at: impatient })).toMatchObject({
      status: 503,
      error: { detail: { reason: 'upstream_timeout' } },
    })
    expect(performance.now() - started).toBeLessThan(3_000)
    expect(suite.upstream.received).toHaveLength(1)
  })
})
