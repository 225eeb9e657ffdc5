import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { holdBack } from '../test/fake-upstream.ts'
import type { TokenServiceProcess } from '../test/token-service.ts'
import { basic, ci, secrets, useTokenService } from '../test/token-service-suite.ts'
import { unsignedToken } from '../test/unsigned-token.ts'

const suite = useTokenService({ started: false })

/** A connection as it is, and all that comes on it until it is closed. */
function open(at: TokenServiceProcess) {
  const socket = connect({ port: Number(new URL(at.url).port), host: '127.0.0.1', allowHalfOpen: true })
  const answer = text(socket)
  answer.catch(() => {}) // of a connection that a test breaks, nobody may be waiting
  return { socket, answer }
}
const get = ({ authorization } = ci, more = '') =>
  `GET /token?scope=repository:acme/app:pull HTTP/1.1\r\nhost: a\r\nauthorization: ${authorization}\r\n${more}\r\n`
const last = 'connection: close\r\n'
const statuses = (answer: string) => [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))

describe('a slow client', () => {
  const limits = { requestHeadersMs: 1_000, requestTotalMs: 2_000, socketCheckMs: 50 }
  const form = 'POST /token HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\n'

  it.each([
    ['its headers', `GET /token HTTP/1.1\r\nhost: a\r\nauthorization: ${ci.authorization}\r\n`],
    ['its body', `${form}content-length: 900\r\n\r\ngrant_type=password&password=${secrets.appPassword}`],
    ['its body, of no known length', `${form}transfer-encoding: chunked\r\n\r\n5\r\ngrant\r\n`],
    ['the body that a GET has no use for', get(ci, 'content-length: 9\r\n')],
  ])('that does not finish %s is told so, and let go', async (_, begun) => {
    const at = await suite.start({}, limits)
    const { socket, answer } = open(at)
    socket.write(begun)
    const came = await answer
    expect(statuses(came)).toEqual([408])
    expect(came).toMatch(/connection: close[\s\S]*"reason":"request_too_slow"/)
    await suite.stop(at)
    expect(at.output()).toContain('"reason":"request_too_slow"')
    expect(suite.upstream.received).toEqual([])
  })

  it('that sends a byte now and then is let go as well', async () => {
    const at = await suite.start({}, limits)
    const { socket, answer } = open(at)
    socket.write('GET /token HTTP/1.1\r\nx: ')
    const drip = setInterval(() => socket.write('x'), 20)
    socket.on('error', () => {}) // a byte may come when nobody reads any more
    expect(statuses(await answer.catch(() => 'HTTP/1.1 408'))).toEqual([408])
    clearInterval(drip)
  })

  it('that is slow for its second request has the answer to its first', async () => {
    const at = await suite.start({}, limits)
    const { socket, answer } = open(at)
    socket.write(`${get()}${form}content-length: 9\r\n\r\na=b`)
    expect(statuses(await answer)).toEqual([200, 408])
  })

  it('that says nothing at all keeps no connection for ever', async () => {
    const at = await suite.start({}, limits)
    const { answer } = open(at)
    await answer.catch(() => {})
  })

  it('holds up nobody else', async () => {
    const at = await suite.start()
    const slow = Array.from({ length: 200 }, () => open(at))
    for (const { socket } of slow) socket.write('GET /token HTTP/1.1\r\nhost: a\r\n')
    expect((await suite.ask(ci, { at })).status).toBe(200)
    for (const { socket } of slow) socket.destroy()
    await Promise.allSettled(slow.map(({ answer }) => answer))
  })
})

describe('a connection', () => {
  it('serves one request after the other', async () => {
    const at = await suite.start()
    const { socket, answer } = open(at)
    for (let request = 0; request < 50; request++) {
      socket.write(get())
      await once(socket, 'data')
    }
    socket.write(get(ci, last))
    expect(statuses(await answer)).toEqual(Array(51).fill(200))
    expect(suite.upstream.received).toHaveLength(1)
  })

  it('serves requests that do not wait for each other in their order', async () => {
    const at = await suite.start()
    const access = [{ type: 'repository', name: 'acme/app', actions: ['pull', 'push'] }]
    const tokens = ['one', 'two', 'three'].map((jti) => suite.secret(unsignedToken({ jti, access })))
    // The first is the slowest.
    const delays = [100, 50, 0]
    suite.upstream.answer = async (_, response) => {
      const asked = suite.upstream.received.at(-1)?.form.get('client_assertion') ?? ''
      await sleep(delays[tokens.indexOf(asked)])
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ access_token: asked, expires_in: 600 }))
    }
    const { socket, answer } = open(at)
    socket.write(tokens.map((token, index) => get(basic('JWT', token), index === 2 ? last : '')).join(''))
    const came = await answer
    expect([...came.matchAll(/"token":"([^"]+)"/g)].map(([, token]) => token)).toEqual(tokens)
  })

  it('half of which its client has closed is closed, as every server of Node does', async () => {
    const at = await suite.start()
    const letGo = holdBack(suite.upstream)
    const { socket, answer } = open(at)
    socket.end(get())
    expect(await answer).toBe('')
    letGo()
    expect((await suite.ask(ci, { query: 'scope=repository:acme/app:pull', at })).status).toBe(200)
  })

  it('whose client is gone is no loss for others that ask the same', async () => {
    const at = await suite.start()
    const letGo = holdBack(suite.upstream)
    const gone = open(at)
    gone.socket.write(get())
    while (suite.upstream.received.length === 0) await sleep(5)
    const patient = suite.ask(ci, { query: 'scope=repository:acme/app:pull', at })
    while ((await suite.metrics(at))('token_service_cache_lookups_total{result="shared"}') < 1) await sleep(5)
    gone.socket.resetAndDestroy()
    await gone.answer.catch(() => {})
    letGo()
    expect((await patient).status).toBe(200)
    expect(suite.upstream.received).toHaveLength(1)
  })

  it('whose client is gone gives up its turn, if it still waited for it', async () => {
    const at = await suite.start({}, { upstreamConnections: 1 })
    const queued = async () => (await suite.metrics(at))('token_service_upstream_queued{queue="unverified"}')
    const letGo = holdBack(suite.upstream)
    const job = () => basic('JWT', suite.secret(unsignedToken({ jti: crypto.randomUUID() })))
    const first = suite.ask(job(), { at })
    while (suite.upstream.received.length === 0) await sleep(5)
    const gone = Array.from({ length: 20 }, () => open(at))
    for (const { socket } of gone) socket.write(get(job()))
    const shared = open(at)
    shared.socket.write(get())
    while ((await queued()) < 21) await sleep(5)
    const patient = suite.ask(ci, { query: 'scope=repository:acme/app:pull', at })
    while ((await suite.metrics(at))('token_service_cache_lookups_total{result="shared"}') < 1) await sleep(5)
    for (const { socket } of [...gone, shared]) socket.resetAndDestroy()
    await Promise.allSettled([...gone, shared].map(({ answer }) => answer))
    // What somebody else waits for too stays.
    while ((await queued()) !== 1) await sleep(5)
    letGo()
    expect([(await first).status, (await patient).status]).toEqual([200, 200])
    expect(suite.upstream.received).toHaveLength(2)
    expect((await suite.metrics(at))('token_service_requests_total{outcome="refused",reason="client_gone"}')).toBe(21)
  })

  it('whose client is gone takes its call along: authentik sees the connection close', async () => {
    const at = await suite.start()
    const closed = Promise.withResolvers<void>()
    const usual = suite.upstream.answer
    suite.upstream.answer = (_, response) => response.once('close', closed.resolve)
    const gone = open(at)
    gone.socket.write(get())
    while (suite.upstream.received.length === 0) await sleep(5)
    gone.socket.resetAndDestroy()
    await closed.promise
    suite.upstream.answer = usual
    expect((await suite.ask(ci, { query: 'scope=repository:acme/app:pull', at })).status).toBe(200)
    expect((await suite.metrics(at))('token_service_circuit_breaker_state')).toBe(0)
  })

  it('and 200 that connect and hang up put no more calls on authentik than may be under way', async () => {
    // Without an answer it is not known how long authentik takes; so these places are given back after the test.
    const at = await suite.start({}, { upstreamCalmMs: 600_000, upstreamTotalMs: 600_000 })
    suite.upstream.answer = () => {}
    for (let client = 0; client < 200; client++) {
      const { socket, answer } = open(at)
      socket.write(get(basic('JWT', suite.secret(unsignedToken({ jti: crypto.randomUUID() })))))
      await once(socket, 'ready')
      if (client === 0) while (suite.upstream.received.length === 0) await sleep(5)
      socket.resetAndDestroy()
      await answer.catch(() => {})
    }
    const gone = 'token_service_requests_total{outcome="refused",reason="client_gone"}'
    const places = (await suite.metrics(at))('token_service_upstream_in_flight_limit')
    expect(suite.upstream.received.length).toBeLessThanOrEqual(places)
    expect((await suite.metrics(at))('token_service_upstream_in_flight')).toBeLessThanOrEqual(places)
    expect((await suite.metrics(at))(gone)).toBeGreaterThan(0)
    expect((await suite.metrics(at))('token_service_circuit_breaker_state')).toBe(0)
  })

  it('beyond the limit is closed at once, and the second port still answers', async () => {
    const at = await suite.start({}, { clientConnections: 10 })
    const taken = Array.from({ length: 10 }, () => open(at))
    await Promise.all(taken.map(({ socket }) => once(socket, 'connect')))
    const more = open(at)
    more.socket.on('error', () => {})
    expect(await more.answer.catch(() => '')).toBe('')
    expect((await fetch(`${at.metricsUrl}/live`)).status).toBe(204)
    expect((await suite.metrics(at))('token_service_connections_dropped_total')).toBe(1)
    taken[0]?.socket.destroy()
    await taken[0]?.answer.catch(() => '')
    while ((await suite.ask(ci, { at }).catch(() => undefined))?.status !== 200) await sleep(10)
    for (const { socket } of taken) socket.destroy()
    await Promise.allSettled(taken.map(({ answer }) => answer))
  })

  it('that is idle is closed when its time is over', async () => {
    const at = await suite.start({}, { clientKeepAliveMs: 100, socketCheckMs: 50 })
    const { socket, answer } = open(at)
    socket.write(get())
    expect(statuses(await answer)).toEqual([200])
  })
})

describe('sizes', () => {
  const limits = { headerBytes: 4_096, bodyBytes: 300, credentialBytes: 200, scopeCount: 2, scopeLength: 40 }
  const longest = (bytes: number) => basic('JWT', suite.secret('x'.repeat(bytes - 4)))

  it('of credentials, scopes and headers are bounded, each by its limit', async () => {
    const at = await suite.start({}, limits)
    const cases: [string, Record<string, string>, string, number, string][] = [
      ['the longest credentials', longest(200), '', 200, ''],
      ['longer credentials', longest(201), '', 431, 'credentials_too_large'],
      ['as many scopes', ci, 'scope=a&scope=b', 200, ''],
      ['more scopes, of which it takes those that fit', ci, 'scope=a&scope=b&scope=c', 200, ''],
      ['the longest scope', ci, `scope=${'x'.repeat(40)}`, 200, ''],
      ['a longer scope', ci, `scope=${'x'.repeat(41)}`, 400, 'scope_malformed'],
      ['many headers', { ...ci, 'x-more': 'x'.repeat(3_000) }, '', 200, ''],
      ['more headers', { ...ci, 'x-more': 'x'.repeat(5_000) }, '', 431, 'headers_too_large'],
      ['a longer address', ci, `x=${'x'.repeat(5_000)}`, 431, 'headers_too_large'],
    ]
    for (const [what, headers, query, status, reason] of cases) {
      const answer = await suite.ask(headers, { query, at })
      expect([answer.status, answer.error?.detail.reason ?? ''], what).toEqual([status, reason])
    }
  })

  it('of a form are bounded by its own', async () => {
    const at = await suite.start({}, limits)
    const form = { grant_type: 'password', username: 'JWT', password: secrets.ciToken }
    expect((await suite.post(form, { at })).status).toBe(200)
    const { status, error } = await suite.post({ ...form, more: 'x'.repeat(300) }, { at })
    expect([status, error?.detail.reason]).toEqual([413, 'body_too_large'])
  })
})
