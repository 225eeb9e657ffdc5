/** A real Prometheus reads a real token service and a real registry: what alerts and dashboard name is there. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { storageDriver } from '../../infra/kubernetes/storage-driver.ts'
import { expressions, metricsIn, OTHERS } from '../../infra/monitoring/metrics-named.fixture.ts'
import { RATE_WINDOW } from '../../infra/monitoring/panels.ts'
import { probeMetrics } from '../../prober/measured.ts'
import { type EventsProcess, type EventsUrl, eventsBundle, startEventsUrl } from '../events-process.ts'
import { NAMESPACE, type Prometheus, startPrometheus } from '../monitoring/prometheus.ts'
import { freePort } from './api-server.ts'
import { type PushPath, startPushPath } from './push-path.ts'
import { skopeoCopy } from './skopeo.ts'

const job = { repository: 'acme/app', ref: 'refs/heads/main' }
const WAIT = { timeout: 60_000, interval: 250 }

let path: PushPath
let bundle: Awaited<ReturnType<typeof eventsBundle>>
let events: EventsProcess
let url: EventsUrl
let prometheus: Prometheus
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'monitoring-'))
  await mkdir(join(folder, 'data'))
  const metrics = `127.0.0.1:${await freePort()}`
  const env = { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: join(folder, 'data'), REGISTRY_HTTP_DEBUG_ADDR: metrics }
  const rules = [{ github: { owners: [{ name: 'acme', id: '501' }] } }]
  bundle = await eventsBundle()
  url = await startEventsUrl()
  events = await bundle.start({ EVENTS_URL: url.url })
  path = await startPushPath(rules, 2_000, { driver: storageDriver({}), env }, events.port)
  await push('1')
  prometheus = await startPrometheus({
    everySeconds: 1,
    targets: [
      {
        name: 'token-service',
        pod: 'token-service',
        portName: 'metrics',
        address: new URL(path.service.metricsUrl).host,
      },
      { name: 'token-service', pod: 'token-service', portName: 'http', address: new URL(path.service.url).host },
      { name: 'registry', pod: 'registry', portName: 'metrics', address: metrics },
    ],
  })
  await vi.waitFor(async () => expect(await prometheus.query(`up == 1`)).toHaveLength(2), WAIT)
})
const push = async (tag: string) => {
  const to = `docker://${path.host}/acme/app:${tag}`
  expect(await skopeoCopy(`oci:${path.image}:latest`, to, await path.login(job))).toEqual({ code: 0, message: '' })
}
afterAll(async () => {
  await prometheus?.[Symbol.asyncDispose]()
  await path?.[Symbol.asyncDispose]()
  await events?.[Symbol.asyncDispose]()
  await url?.[Symbol.asyncDispose]()
  await bundle?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

it('finds each metric that an alert or a panel names, but for those of others', async () => {
  const found = await prometheus.query(`count by (__name__) ({namespace="${NAMESPACE}"})`)
  const names = new Set([...found.map(({ metric }) => metric.__name__), ...OTHERS, ...Object.values(probeMetrics)])
  expect(metricsIn(expressions(NAMESPACE)).filter((metric) => !names.has(metric))).toEqual([])
})

it('counts a push and its bytes', async () => {
  const value = async (expr: string) => Number((await prometheus.query(expr))[0]?.value?.[1])
  expect(await value('registry_http_requests_total{handler="manifest",method="put",code="201"}')).toBe(1)
  expect(await value('sum(token_service_requests_total{outcome="granted"})')).toBeGreaterThan(0)
  expect(await value('token_service_registry_keys_match')).toBe(1)
})

it('answers each expression', async () => {
  for (const { of, expr } of expressions(NAMESPACE)) {
    await expect(prometheus.query(expr.replaceAll(RATE_WINDOW, '1m')), of).resolves.toBeDefined()
  }
})

it('fires no alert where all is well', async () => {
  type Rule = { name: string; health: string; state: string; lastError?: string }
  const rules = await vi.waitFor(async () => {
    const { groups } = await prometheus.api<{ groups: { rules: Rule[] }[] }>('rules')
    const all = groups.flatMap((group) => group.rules)
    expect(all.map(({ health }) => health)).not.toContain('unknown')
    return all
  }, WAIT)
  expect(rules.length).toBeGreaterThan(15)
  expect(rules.filter(({ health, state }) => health !== 'ok' || state === 'firing')).toEqual([])
})

it('counts an event that the URL refuses for good, and those that wait', async () => {
  const endpoints = async (selector: string) => {
    const found = await prometheus.query(`registry_notifications_${selector}`)
    return Object.fromEntries(found.map(({ metric, value }) => [metric.endpoint, Number(value?.[1])]))
  }
  expect(await endpoints('pending_total')).toEqual({ stream: 0, url: 0 })
  url.status = 400
  await push('2')
  await vi.waitFor(async () => expect(await endpoints('status_total{code="202 Accepted"}')).toEqual({ url: 1 }), WAIT)

  await events.stop('SIGTERM')
  await push('3')
  await vi.waitFor(async () => expect(await endpoints('pending_total')).toEqual({ stream: 1, url: 1 }), WAIT)
})
