/** The whole service behind a real proxy and a private authority, with names that only the proxy can find. */
import 'reflect-metadata' // the certificate library asks for it
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Collector, startCollector } from '../test/fake-collector.ts'
import { type FakeIssuer, fakeIssuer, type IssuerKey, issuerKey } from '../test/fake-issuer.ts'
import { type FakeProxy, fakeProxy, type PrivateAuthority, privateAuthority } from '../test/fake-proxy.ts'
import { basic, useTokenService } from '../test/token-service-suite.ts'
import { audience, document, githubClaims } from '../trust/decision/policy.fixture.ts'

const suite = useTokenService({ started: false })

const path = '/application/o/token/'
const portOf = (url: string) => Number(new URL(url).port)

let dir: string
let authority: PrivateAuthority
let key: IssuerKey
let issuer: FakeIssuer
let collector: Collector
let proxy: FakeProxy
let closing: (() => void)[]
let env: Record<string, string>

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'proxies-'))
  authority = await privateAuthority()
  key = await issuerKey('github')
  await writeFile(join(dir, 'ca.pem'), authority.pem)
  await writeFile(join(dir, 'trust.json'), JSON.stringify(document))
  const issuers = [
    { issuer: githubClaims.iss, keys: { wellKnownUrl: 'https://issuer.test/.well-known/openid-configuration' } },
  ]
  await writeFile(join(dir, 'issuers.json'), JSON.stringify(issuers))
  env = {
    TOKEN_URL: `https://authentik.test${path}`,
    TRUST_FILE: join(dir, 'trust.json'),
    ISSUER_KEYS_FILE: join(dir, 'issuers.json'),
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.test',
    NODE_EXTRA_CA_CERTS: join(dir, 'ca.pem'),
  }
})
afterAll(() => rm(dir, { recursive: true }))
beforeEach(async () => {
  issuer = await fakeIssuer(key)
  collector = await startCollector()
  const [authentikPort, issuerPort, collectorPort] = [suite.upstream.url, issuer.jwksUrl, collector.url].map(portOf)
  issuer.jwksUrl = 'https://issuer.test/jwks'
  const served = await Promise.all([
    authority.serve(['authentik.test', 'localhost'], authentikPort ?? 0),
    authority.serve(['issuer.test'], issuerPort ?? 0),
    authority.serve(['collector.test'], collectorPort ?? 0),
  ])
  closing = served.map(({ close }) => close)
  const [authentik, issuerTls, collectorTls] = served
  proxy = await fakeProxy({
    'authentik.test:443': authentik.port,
    'authentik.test:80': authentikPort ?? 0,
    'issuer.test:443': issuerTls.port,
    'collector.test:443': collectorTls.port,
  })
  direct = `https://localhost:${authentik.port}${path}`
})
afterEach(async () => {
  for (const close of closing) close()
  await proxy[Symbol.asyncDispose]()
  await issuer[Symbol.asyncDispose]()
  await collector.stop()
})
let direct: string

const login = async () => basic('JWT', suite.secret(await key.sign({ ...githubClaims, aud: audience })))

describe('everything that the service fetches goes by the proxy', () => {
  it.each(['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY'])('that %s names: authentik, keys, traces', async (variable) => {
    const at = await suite.start({ ...env, [variable]: `http://${proxy.host}` }, { traceBatchDelayMs: 20 })
    expect((await suite.ask(await login(), { at })).status).toBe(200)
    expect(suite.upstream.received).toHaveLength(1)
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/jwks'])
    while (collector.received.length === 0) await sleep(20)
    expect(new Set(proxy.asked)).toEqual(
      new Set(['CONNECT authentik.test:443', 'CONNECT issuer.test:443', 'CONNECT collector.test:443']),
    )
    const forged = (await login()).authorization.slice(0, -8)
    expect((await suite.ask({ authorization: forged }, { at })).error?.detail.reason).toMatch(
      /signature_invalid|malformed/,
    )
  })

  it('with the credentials of the proxy, which no log has', async () => {
    const [user, password] = [suite.secret('proxy-user-4715'), suite.secret('proxy-password-4716')]
    const at = await suite.start(
      { ...env, HTTPS_PROXY: `http://${user}:${password}@${proxy.host}` },
      { traceBatchDelayMs: 20 },
    )
    expect((await suite.ask(await login(), { at })).status).toBe(200)
    while (!proxy.asked.includes('CONNECT collector.test:443')) await sleep(20)
    expect(new Set(proxy.credentials)).toEqual(new Set([basic(user, password).authorization]))
  })

  it('an authentik without TLS too, whose address the proxy is given whole', async () => {
    const plain = { ...env, TOKEN_URL: `http://authentik.test${path}`, HTTP_PROXY: `http://${proxy.host}` }
    const at = await suite.start(plain)
    expect((await suite.ask(await login(), { at })).status).toBe(200)
    expect(proxy.asked).toContain(`POST http://authentik.test${path}`)
  })

  it('but what NO_PROXY names', async () => {
    const at = await suite.start({
      ...env,
      TOKEN_URL: direct,
      OTEL_EXPORTER_OTLP_ENDPOINT: '',
      HTTPS_PROXY: `http://${proxy.host}`,
      NO_PROXY: '.svc,localhost',
    })
    expect((await suite.ask(await login(), { at })).status).toBe(200)
    expect(new Set(proxy.asked)).toEqual(new Set(['CONNECT issuer.test:443']))
  })

  it('and a proxy that refuses is told as an authentik out of reach', async () => {
    const unknown = { ...env, TOKEN_URL: `https://elsewhere.test${path}`, HTTPS_PROXY: `http://${proxy.host}` }
    const at = await suite.start(unknown)
    const { status, error } = await suite.ask(await login(), { at })
    expect([status, error?.detail.reason]).toEqual([503, 'upstream_unreachable'])
  })
})

it('a private authority is trusted where NODE_EXTRA_CA_CERTS names it, and only there', async () => {
  const near = { ...env, TOKEN_URL: direct, OTEL_EXPORTER_OTLP_ENDPOINT: '' }
  const trusting = await suite.start(near)
  expect((await suite.ask(await login(), { at: trusting })).status).toBe(200)
  const strict = await suite.start({ ...near, NODE_EXTRA_CA_CERTS: '' })
  expect((await suite.ask(await login(), { at: strict })).error?.detail.reason).toBe('upstream_unreachable')
})
