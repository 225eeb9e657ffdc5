/** What the server makes of requests at /revoke. */
import { describe, expect, it } from 'vitest'
import { TokenError } from '../errors.ts'
import { RETRY_AFTER_SECONDS } from './answer.ts'
import { tokenServer, unused } from './server.fixture.ts'

const { serve, get, decisions, requests } = tokenServer()

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
    await serve(unused, {}, 0, async () => {
      throw new TokenError(reason, 'what came', { waitSeconds: 3 })
    })
    const response = await get('/revoke', { method: 'POST', body: form })
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([status, error])
    if (status === 503) expect(response.headers.get('retry-after')).toBe(String(RETRY_AFTER_SECONDS))
    if (status === 429) expect(response.headers.get('retry-after')).toBe('3')
  })

  it('counts each request of an address, since what is forged is answered with 200 too', async () => {
    await serve(unused, {}, 2)
    const ask = async () => (await get('/revoke', { method: 'POST', body: form })).status
    expect([await ask(), await ask(), await ask()]).toEqual([200, 200, 429])
  })
})
