import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { answerJson, holdBack } from '../test/fake-upstream.ts'
import type { TokenServiceProcess } from '../test/token-service.ts'
import { basic, ci, secrets, useTokenService } from '../test/token-service-suite.ts'
import { unsignedToken } from '../test/unsigned-token.ts'

const suite = useTokenService({ started: false })

const calls = () => suite.upstream.received.length
/** A client not seen before. */
const job = () => basic('JWT', suite.secret(unsignedToken({ jti: crypto.randomUUID() })))
const refuse = answerJson(400, { error: 'invalid_grant', error_description: secrets.quotedUpstream })
const fail = answerJson(500, { error: secrets.quotedUpstream })

/** Waits until a metric is what it should be. */
async function until(at: TokenServiceProcess, name: string, value: number): Promise<void> {
  while ((await suite.metrics(at))(name) !== value) await sleep(5)
}

describe('while authentik is busy', () => {
  const one = { upstreamConnections: 1, upstreamQueue: 1 }

  it('calls wait for their turn in a line, and whoever comes when it is full is told to come back', async () => {
    const at = await suite.start({}, one)
    const letGo = holdBack(suite.upstream)
    const first = suite.ask(job(), { at })
    await until(at, 'token_service_upstream_in_flight', 1)
    const second = suite.ask(job(), { at })
    await until(at, 'token_service_upstream_queued{queue="unverified"}', 1)

    // Nothing is let go before this one has its answer, so it did not wait.
    const { status, error, response } = await suite.ask(job(), { at })
    expect([status, error?.code, error?.detail.reason]).toEqual([503, 'UNAVAILABLE', 'upstream_busy'])
    expect(response.headers.get('retry-after')).toBe('5')
    expect(calls()).toBe(1)

    letGo()
    expect([(await first).status, (await second).status]).toEqual([200, 200])
    expect((await suite.ask(job(), { at })).status).toBe(200)
    expect(calls()).toBe(3)
  })

  it('nobody waits longer than may be, and authentik is spared what nobody waits for', async () => {
    const at = await suite.start({}, { ...one, clientPatienceMs: 100 })
    const letGo = holdBack(suite.upstream)
    const first = suite.ask(job(), { at })
    await until(at, 'token_service_upstream_in_flight', 1)
    const { status, error } = await suite.ask(job(), { at })
    expect([status, error?.detail.reason]).toEqual([503, 'upstream_busy'])
    expect(error?.message).toContain('has waited too long for its turn')
    letGo()
    expect((await first).status).toBe(200)
    expect(calls()).toBe(1)
  })

  it('what the cache has is answered all the same', async () => {
    const at = await suite.start({}, one)
    expect((await suite.ask(ci, { at })).status).toBe(200)
    const letGo = holdBack(suite.upstream)
    const others = [suite.ask(job(), { at }), suite.ask(job(), { at })]
    await until(at, 'token_service_upstream_queued{queue="unverified"}', 1)
    expect((await suite.ask(ci, { at })).status).toBe(200)
    letGo()
    await Promise.all(others)
  })
})

describe('while authentik fails', () => {
  /** The rest is not over before the test is. */
  const limits = { breakerFailures: 3, breakerOpenMs: 600_000 }
  const state = 'token_service_circuit_breaker_state'
  const asked = async (at: TokenServiceProcess) => (await suite.ask(job(), { at })).error?.detail.reason ?? 'granted'

  it('it is not asked, and clients learn so', async () => {
    const at = await suite.start({}, limits)
    suite.upstream.answer = fail
    for (let failure = 0; failure < 3; failure++) expect(await asked(at)).toBe('upstream_unusable')
    expect((await suite.metrics(at))(state)).toBe(2)

    const { status, error, response } = await suite.ask(job(), { at })
    expect([status, error?.code, error?.detail.reason]).toEqual([503, 'UNAVAILABLE', 'upstream_circuit_open'])
    expect(response.headers.get('retry-after')).toBe('5')
    expect(calls()).toBe(3)
  })

  it('it is asked again by itself, once it answers', async () => {
    const at = await suite.start({}, { ...limits, breakerOpenMs: 100 })
    const usual = suite.upstream.answer
    suite.upstream.answer = fail
    for (let failure = 0; failure < 3; failure++) await asked(at)
    suite.upstream.answer = usual
    while ((await asked(at)) !== 'granted') await sleep(10)
    expect(calls()).toBe(4)
    expect((await suite.metrics(at))(state)).toBe(0)
    await suite.stop(at)
    expect(at.output().match(/"breaker":"[a-z-]+"/g)).toEqual([
      '"breaker":"open"',
      '"breaker":"half-open"',
      '"breaker":"closed"',
    ])
  })

  it('one call alone finds out whether it is back', async () => {
    const at = await suite.start({}, { ...limits, breakerOpenMs: 100 })
    const usual = suite.upstream.answer
    suite.upstream.answer = fail
    for (let failure = 0; failure < 3; failure++) await asked(at)
    suite.upstream.answer = usual
    const letGo = holdBack(suite.upstream)
    await sleep(200) // longer than the rest
    const probe = asked(at)
    await until(at, state, 1)
    expect(await Promise.all(Array.from({ length: 20 }, () => asked(at)))).toEqual(
      Array(20).fill('upstream_circuit_open'),
    )
    expect(calls()).toBe(4)
    letGo()
    expect(await probe).toBe('granted')
    expect(await asked(at)).toBe('granted')
  })

  it('and goes on to fail, it is asked once for each rest', async () => {
    const at = await suite.start({}, { ...limits, breakerOpenMs: 200 })
    suite.upstream.answer = fail
    const started = performance.now()
    while (calls() < 6) await asked(at)
    expect(performance.now() - started).toBeGreaterThan(3 * 200)
  })

  it('what the cache has is answered all the same, and refusals are no failures', async () => {
    const at = await suite.start({}, limits)
    expect((await suite.ask(ci, { at })).status).toBe(200)
    suite.upstream.answer = refuse
    for (let refusal = 0; refusal < 5; refusal++) expect(await asked(at)).toBe('credentials_refused')
    suite.upstream.answer = fail
    for (let failure = 0; failure < 4; failure++) await asked(at)
    expect(await asked(at)).toBe('upstream_circuit_open')
    expect((await suite.ask(ci, { at })).status).toBe(200)
  })
})

/** So few a second that a busy machine does not fill the burst up again during a test. */
const SLOW = 0.001

describe('whoever asks too often', () => {
  const scope = (index: number) => ({ query: `scope=repository:acme/app-${index}:pull` })

  it('with one login is told when to come back; others and the cache are not affected', async () => {
    const at = await suite.start({}, { credentialRate: SLOW, credentialBurst: 3 })
    for (let index = 0; index < 3; index++) expect((await suite.ask(ci, { ...scope(index), at })).status).toBe(200)
    const { status, error, response } = await suite.ask(ci, { ...scope(3), at })
    expect([status, error?.code, error?.detail.reason]).toEqual([429, 'TOOMANYREQUESTS', 'rate_limited'])
    expect(error?.message).toMatch(/^This login asks too often; try again in \d+ s/)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(calls()).toBe(3)

    expect((await suite.ask(ci, { ...scope(0), at })).status).toBe(200)
    expect((await suite.ask(job(), { ...scope(3), at })).status).toBe(200)
    expect((await suite.metrics(at))('token_service_rate_limited_total{by="credential"}')).toBe(1)
  })

  describe('from one address', () => {
    const limits = { addressRate: SLOW, addressBurst: 3 }
    const from = (forwarded: string) => ({ ...job(), 'x-forwarded-for': forwarded })

    it('is told when to come back, whatever address it invents; others behind the same proxy are not affected', async () => {
      const at = await suite.start({ TRUSTED_PROXIES: '127.0.0.1' }, limits)
      suite.upstream.answer = refuse
      const statuses: number[] = []
      for (let index = 0; index < 4; index++) {
        statuses.push((await suite.ask(from(`198.51.100.${index}, 203.0.113.9`), { at })).status)
      }
      expect(statuses).toEqual([401, 401, 401, 429])
      const { error, response } = await suite.ask(from('203.0.113.9'), { at })
      expect(error?.message).toMatch(/^Too many requests from this address; try again in \d+ s/)
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
      expect((await suite.ask(from('203.0.113.10'), { at })).status).toBe(401)
      expect((await suite.metrics(at))('token_service_rate_limited_total{by="address"}')).toBe(2)
    })

    it('of IPv6 counts as one with its whole network', async () => {
      const at = await suite.start({ TRUSTED_PROXIES: '127.0.0.1' }, limits)
      for (let host = 1; host <= 3; host++) {
        expect((await suite.ask(from(`2001:db8:1:2::${host}`), { at })).status).toBe(200)
      }
      expect((await suite.ask(from('2001:db8:1:2:ffff::1'), { at })).status).toBe(429)
      expect((await suite.ask(from('2001:db8:1:3::1'), { at })).status).toBe(200)
    })

    it('pays nothing for what the cache has', async () => {
      const at = await suite.start({ TRUSTED_PROXIES: '127.0.0.1' }, limits)
      const repeated = from('203.0.113.9')
      for (let index = 0; index < 50; index++) expect((await suite.ask(repeated, { at })).status).toBe(200)
    })

    it('is not counted where no proxy is trusted, since all could have the same', async () => {
      const at = await suite.start({}, { addressBurst: 3 })
      for (let index = 0; index < 10; index++) expect((await suite.ask(job(), { at })).status).toBe(200)
    })
  })
})
