import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'

import { answerJson } from '../test/fake-upstream.ts'
import { basic, ci, secrets, useTokenService } from '../test/token-service-suite.ts'
import { unsignedToken } from '../test/unsigned-token.ts'
import { failures } from './errors.ts'
import { type Limits, limitNames, limits as usual } from './limits.ts'
import { outcomes, revocationOutcomes } from './operations/audit.ts'
import { kinds } from './upstream/queues.ts'
import { lookupResults } from './upstream/token-cache.ts'
import { VERSION } from './version.ts'

const suite = useTokenService()

const job = (jti: string) => basic('JWT', suite.secret(unsignedToken({ jti })))
const page = async (at = suite.service) => (await fetch(`${at.metricsUrl}/metrics`)).text()

describe('the page of metrics', () => {
  it('counts what was asked, what was answered, and where the answers came from', async () => {
    const granted = suite.upstream.answer
    for (let request = 0; request < 3; request++) await suite.ask(ci)
    await suite.ask()
    suite.upstream.answer = answerJson(400, { error: 'invalid_grant' })
    for (let request = 0; request < 2; request++) await suite.ask(job('refused'))
    suite.upstream.answer = answerJson(500, {})
    await suite.ask(job('failed'))
    suite.upstream.answer = granted
    await fetch(`${suite.service.url}/nowhere`)
    const garbage = connect(Number(new URL(suite.service.url).port), '127.0.0.1')
    garbage.write('garbage\r\n\r\n')
    await text(garbage)
    for (const path of ['/live', '/ready']) await fetch(suite.service.url + path)

    const metric = await suite.metrics()
    const expected = {
      'requests_total{outcome="granted",reason="granted"}': 3,
      'requests_total{outcome="refused",reason="credentials_missing"}': 1,
      'requests_total{outcome="refused",reason="credentials_refused"}': 2,
      'requests_total{outcome="failed",reason="upstream_unusable"}': 1,
      'requests_total{outcome="refused",reason="path_unknown"}': 1,
      'requests_total{outcome="refused",reason="request_malformed"}': 1,
      'request_duration_seconds_count{outcome="granted"}': 3,
      'cache_lookups_total{result="miss"}': 3,
      'cache_lookups_total{result="hit"}': 2,
      'cache_lookups_total{result="negative"}': 1,
      'cache_lookups_total{result="shared"}': 0,
      'upstream_calls_total{purpose="registry",reason="granted"}': 1,
      'upstream_calls_total{purpose="registry",reason="credentials_refused"}': 1,
      'upstream_calls_total{purpose="registry",reason="upstream_unusable"}': 1,
      'upstream_call_duration_seconds_count{purpose="registry"}': 3,
      'rate_limited_total{by="credential"}': 0,
      upstream_in_flight: 0,
      'upstream_queued{queue="verified"}': 0,
      upstream_up: 1,
      registry_keys_match: 1,
      connections_dropped_total: 0,
      cache_entries: 1,
      circuit_breaker_state: 0,
      ready: 1,
      trust_rules: 0,
    }
    const found = Object.keys(expected).map((name) => [name, metric(`token_service_${name}`)])
    expect(Object.fromEntries(found)).toEqual(expected)
    // Fewer, where the machine was too busy to answer in time.
    expect([1, 2, 3, 4]).toContain(metric('token_service_upstream_in_flight_limit'))
    expect(metric('token_service_cache_bytes')).toBeGreaterThan(secrets.registryToken.length)
    expect(metric('process_resident_memory_bytes')).toBeGreaterThan(1e6)
  })

  it('shows every limit that is in force, by its name', async () => {
    const own = Object.fromEntries(limitNames.map((name) => [name, usual[name] + 1])) as Limits
    const at = await suite.start({ TRUSTED_PROXIES: '10.0.0.0/8' }, own)
    const shown = [...(await page(at)).matchAll(/^token_service_limit\{name="(.+)"\} (\d+)$/gm)]
    expect(Object.fromEntries(shown.map(([, name, value]) => [name, Number(value)]))).toEqual(own)
  })

  it('has no label that holds anything from outside', async () => {
    const hostile = 'hostile-4715'
    const { url } = suite.service
    const headers = { ...ci, 'user-agent': hostile, 'x-forwarded-for': hostile, 'x-request-id': hostile }
    for (const query of [
      `scope=repository:${hostile}/${crypto.randomUUID()}:pull`,
      `scope=${hostile}:${hostile}:${hostile}`,
      `service=${hostile}`,
      `account=${hostile}&client_id=${hostile}&${hostile}=${hostile}`,
      `scope=${encodeURIComponent(`"}\n${hostile}{a="`)}`,
    ]) {
      await suite.ask(headers, { query })
    }
    await suite.ask(basic(hostile, secrets.appPassword))
    await suite.post({ grant_type: hostile })
    await fetch(`${url}/${hostile}`)
    await fetch(`${url}/token`, { method: 'PROPFIND', headers })
    await fetch(`${url}/revoke`, { method: 'POST', headers, body: new URLSearchParams({ token: hostile }) })
    suite.upstream.answer = answerJson(400, { error: hostile, error_description: hostile })
    await suite.ask(job(hostile))

    const text = await page()
    expect(text).toContain('token_service_requests_total')
    expect(text).not.toContain(hostile)
    const closed: Record<string, readonly string[]> = {
      outcome: [...outcomes, ...revocationOutcomes],
      reason: ['granted', 'revoked', ...Object.keys(failures)],
      purpose: ['registry', 'session', 'revocation'],
      by: ['credential', 'address'],
      kind: ['authentik_allows', 'authentik_refuses', 'authentik_grants_less'],
      queue: kinds,
      result: [...lookupResults, 'loaded', 'rejected'],
      name: limitNames,
      version: [VERSION],
    }
    const ours = text.split('\n').filter((line) => line.startsWith('token_service_'))
    const labels = ours.flatMap((line) => [...line.matchAll(/(\w+)="([^"]*)"/g)])
    const open = labels.filter(([, name = '', value = '']) => name !== 'le' && !closed[name]?.includes(value))
    expect(open).toEqual([])
    expect(labels.length).toBeGreaterThan(50)
  })

  it('does not grow with who asks', async () => {
    for (let request = 0; request < 3; request++) await suite.ask(job(`first ${request}`))
    // Of ours: Node's own name the kinds of what is open just then.
    const lines = async () => (await page()).split('\n').filter((line) => line.startsWith('token_service_')).length
    const before = await lines()
    for (let request = 0; request < 50; request++) {
      await suite.ask(job(`another ${request}`), { query: `scope=repository:acme/app-${request}:pull` })
    }
    expect(await lines()).toBe(before)
  })

  it('is on the second port alone, and tokens are not', async () => {
    expect((await fetch(`${suite.service.url}/metrics`)).status).toBe(404)
    expect((await fetch(`${suite.service.metricsUrl}/token`, { headers: ci })).status).toBe(404)
  })
})
