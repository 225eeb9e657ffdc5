import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { answerJson } from '../test/fake-upstream.ts'
import { OWN_PORT, ownAddress } from '../test/own-address.ts'
import type { TokenServiceProcess } from '../test/token-service.ts'
import { ci, useTokenService } from '../test/token-service-suite.ts'

const suite = useTokenService({ started: false })

const fail = answerJson(500, {})
/** What /ready says: on both ports the same. */
async function ready(at: TokenServiceProcess): Promise<string[]> {
  const [problems, again] = await Promise.all(
    [at.url, at.metricsUrl].map(async (url) => {
      const response = await fetch(`${url}/ready`)
      const text = await response.text()
      expect(response.status).toBe(text === '' ? 204 : 503)
      return text === '' ? [] : (JSON.parse(text) as { problems: string[] }).problems
    }),
  )
  expect(again).toEqual(problems)
  return problems ?? []
}
const live = async (at: TokenServiceProcess) => (await fetch(`${at.url}/live`)).status

describe('/ready is about the process alone', () => {
  it.each<[string, () => Record<string, string>]>([
    ['that was never seen', () => ({ TOKEN_URL: 'http://127.0.0.1:1/token/' })],
    ['that fails', () => ({})],
  ])('and says yes beside an authentik %s, which a metric tells', async (_, env) => {
    suite.upstream.answer = fail
    const at = await suite.start(env(), { authentikSilentMs: 50 })
    while ((await suite.metrics(at))('token_service_upstream_up') === 1) await sleep(10)
    expect([await ready(at), await live(at)]).toEqual([[], 204])
    expect((await suite.metrics(at))('token_service_ready')).toBe(1)
  })

  it('and answers while calls to authentik hang', async () => {
    const at = await suite.start({}, { upstreamConnections: 1 })
    suite.upstream.answer = () => {}
    const stuck = suite.ask(ci, { at }).catch(() => 'cut off')
    while (suite.upstream.received.length === 0) await sleep(5)
    expect(await ready(at)).toEqual([])
    await suite.stop(at)
    expect(await stuck).toBe('cut off')
  })
})

describe('the metrics about authentik', () => {
  const quick = { probeIntervalMs: 20, authentikSilentMs: 300 }
  const until = async (at: TokenServiceProcess, name: string, value: number) => {
    while ((await suite.metrics(at))(name) !== value) await sleep(10)
  }

  it('cost it no exchange, and few looks', async () => {
    suite.upstream.answer = (_, response) => response.writeHead(405).end()
    const looks = suite.upstream.looks
    const at = await suite.start({}, { probeIntervalMs: 600_000 })
    for (let scrape = 0; scrape < 20; scrape++) {
      expect((await suite.metrics(at))('token_service_upstream_up')).toBe(1)
    }
    expect([suite.upstream.looks - looks, suite.upstream.received]).toEqual([1, []])
  })

  it('say when it goes silent for long, and when it is back', async () => {
    const at = await suite.start({}, quick)
    const usual = suite.upstream.answer
    await until(at, 'token_service_upstream_up', 1)
    suite.upstream.answer = fail
    await until(at, 'token_service_upstream_up', 0)
    suite.upstream.answer = usual
    await until(at, 'token_service_upstream_up', 1)
  })

  it('say when it signs with a key that the registry does not have', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'registry-keys-'))
    const file = join(dir, 'jwks.json')
    const keySet = (...kids: string[]) => ({ keys: kids.map((kid) => ({ kty: 'EC', kid, use: 'sig' })) })
    await writeFile(file, JSON.stringify(keySet('old')))
    const usual = suite.upstream.answer
    const answer: RequestListener = (request, response) =>
      request.url === '/jwks/' ? answerJson(200, keySet('new'))(request, response) : usual(request, response)
    suite.upstream.answer = answer
    const env = { REGISTRY_JWKS_FILE: file, JWKS_URL: new URL('/jwks/', suite.upstream.url).href }
    const at = await suite.start(env, quick)
    await until(at, 'token_service_registry_keys_match', 0)
    // Tokens are given all the same: the registry may be about to learn the key.
    expect((await suite.ask(ci, { at })).status).toBe(200)
    await writeFile(file, JSON.stringify(keySet('old', 'new')))
    await until(at, 'token_service_registry_keys_match', 1)
    await rm(dir, { recursive: true })
  })
})

describe('on SIGTERM', () => {
  it('it says so at once, and serves while proxies need to hear of it', async () => {
    const at = await suite.start({}, { lameDuckMs: 600_000 })
    expect(await ready(at)).toEqual([])
    at.signal('SIGTERM')
    while (!at.output().includes('draining')) await sleep(5)
    expect(await ready(at)).toEqual(['draining'])

    const { status, response } = await suite.ask(ci, { at })
    expect([status, response.headers.get('connection')]).toEqual([200, 'close'])
    expect(await live(at)).toBe(204)
    expect((await suite.metrics(at))('token_service_ready')).toBe(0)
  })

  it('it ends with 0, not before that time is over', async () => {
    const at = await suite.start({}, { lameDuckMs: 500 })
    const signalled = performance.now()
    at.signal('SIGTERM')
    expect(await at.exited).toBe(0)
    expect(performance.now() - signalled).toBeGreaterThan(499)
    expect(at.output()).toMatch(/"msg":"draining"[\s\S]*"msg":"stopped"/)
  })

  it('twice it ends at once', async () => {
    const at = await suite.start({}, { lameDuckMs: 60_000 })
    expect(await live(at)).toBe(204)
    at.signal('SIGTERM')
    while (!at.output().includes('draining')) await sleep(5)
    at.signal('SIGTERM')
    expect(await at.exited).toBe('SIGTERM')
  })
})

describe('the second port', () => {
  /** Takes a port of an address of this test's own. */
  async function take(host: string, port: number) {
    const server = createServer().listen(port, host)
    await once(server, 'listening')
    return { [Symbol.dispose]: () => void server.close() }
  }

  it('that is taken is a warning, and tokens are given', async () => {
    const host = ownAddress()
    using _other = await take(host, OWN_PORT + 1)
    const at = await suite.start({ LISTEN: `${host}:${OWN_PORT}` })
    expect(at.output()).toContain('there are no metrics: the port after that of LISTEN is taken')
    expect((await suite.ask(ci, { at })).status).toBe(200)
    at.signal('SIGTERM')
    expect(await at.exited).toBe(0)
  })

  it('that would be beyond the last one is a warning too', async () => {
    const at = await suite.start({ LISTEN: `${ownAddress()}:65535` })
    expect(at.output()).toContain('there are no metrics')
    expect(await live(at)).toBe(204)
  })
})

it('starts with a limit that others have to follow', async () => {
  const at = await suite.start({}, { requestTotalMs: 5_000 })
  expect((await suite.ask(ci, { at })).status).toBe(200)
})
