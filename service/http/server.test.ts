/** The server's paths, methods and failures, and what of them is logged and counted. */
import { describe, expect, it } from 'vitest'
import { TokenError } from '../errors.ts'
import { issued, tokenServer } from './server.fixture.ts'

const { serve, get, send, port, lines, decisions, requests, drain } = tokenServer()

describe('paths and methods', () => {
  it('answers /live without a body', async () => {
    const response = await get('/live')
    expect([response.status, await response.text()]).toEqual([204, ''])
    expect(lines).toMatchObject([{ level: 'trace', status: 204 }])
    expect(decisions).toEqual([])
  })

  it('answers /ready with what is wrong, and ends connections while it drains', async () => {
    expect((await get('/ready')).status).toBe(204)
    drain()
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
    await serve(async () => {
      throw new TokenError('upstream_timeout', 'Too late', { cause: 'ETIMEDOUT' })
    })
    expect((await get('/token')).status).toBe(503)
    expect(lines[0]).toMatchObject({ level: 'warn', reason: 'upstream_timeout', cause: 'ETIMEDOUT' })
    expect(decisions).toMatchObject([{ outcome: 'failed', reason: 'upstream_timeout', status: 503 }])
    expect(requests).toEqual([['failed', 'upstream_timeout', 0]])
  })

  it('answers a mistake of its own with 500, and logs where it was but not what it said', async () => {
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
