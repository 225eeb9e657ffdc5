/** What the server takes of one request and of one address, and what it refuses. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { TokenError } from '../errors.ts'
import { limits as usualLimits } from '../limits.ts'
import type { Decision } from '../operations/audit.ts'
import { issued, tokenServer } from './server.fixture.ts'

const { serve, get, send, port, lines, requests } = tokenServer()

describe('the rate of a client address', () => {
  it('counts calls to authentik and refusals, and says when to come back', async () => {
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
    await serve(async () => issued, { requestHeadersMs: 100, requestTotalMs: 200, socketCheckMs: 50 })
    expect(await send('GET /token HTTP/1.1\r\nhost: a\r\n')).toMatch(
      /^HTTP\/1\.1 408 [\s\S]*"reason":"request_too_slow"/,
    )
  })

  it('does not mix an answer to garbage into one that is under way', async () => {
    const release = Promise.withResolvers<void>()
    await serve(async () => {
      await release.promise
      return issued
    })
    const answer = send('GET /token HTTP/1.1\r\nhost: a\r\n\r\n', 'garbage\r\n\r\n')
    expect(await answer.catch(() => '')).toBe('')
    release.resolve()
  })
})
