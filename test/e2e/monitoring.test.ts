/** A real Prometheus reads the running stack: what alerts and dashboard name is there, and nothing is wrong. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { expressions, metricsIn, OTHERS } from '../../infra/monitoring/metrics-named.fixture.ts'
import { RATE_WINDOW } from '../../infra/monitoring/panels.ts'
import { probeMetrics } from '../../prober/measured.ts'
import { layer, pull, push } from '../bytes/layer.ts'
import { type Prometheus, startPrometheus } from '../monitoring/prometheus.ts'
import { worldTargets } from '../monitoring/world-targets.ts'
import { jobToken, registry } from './job.ts'
import { askToken, job } from './token-client.ts'

const namespace = 'passwordless-registry'
const name = 'acme/monitoring'
const WAIT = { timeout: 60_000, interval: 250 }

let prometheus: Prometheus

beforeAll(async () => {
  // What a counter counts is there once it has happened.
  const { token } = await askToken(job(await jobToken('github', name)), [`repository:${name}:pull,push`])
  await askToken(undefined)
  await push({ registry, name, token }, layer(1, 1))
  await pull({ registry, name, token }, layer(1, 1))
  prometheus = await startPrometheus({ everySeconds: 1, ...(await worldTargets()) })
  await vi.waitFor(async () => {
    const targets = await prometheus.query(`up{namespace="${namespace}"} == 1`)
    expect(new Set(targets.map(({ metric }) => metric.job))).toEqual(new Set(['token-service', 'registry']))
  }, WAIT)
})
afterAll(() => prometheus?.[Symbol.asyncDispose]())

describe('what is documented to be scraped', () => {
  it('has each metric that an alert or a panel names, but for those of others', async () => {
    const others = new Set([...OTHERS, ...Object.values(probeMetrics)])
    const found = await prometheus.query(`count by (__name__) ({namespace="${namespace}"})`)
    const names = new Set(found.map(({ metric }) => metric.__name__))
    const missing = metricsIn(expressions(namespace)).filter((metric) => !names.has(metric) && !others.has(metric))
    expect(missing).toEqual([])
  })

  it('answers each expression', async () => {
    for (const { of, expr } of expressions(namespace)) {
      await expect(prometheus.query(expr.replaceAll(RATE_WINDOW, '1m')), of).resolves.toBeDefined()
    }
  })

  it('has a registry of the metrics port alone, and no pod twice', async () => {
    const targets = await prometheus.query(`up{namespace="${namespace}"}`)
    const pods = targets.map(({ metric }) => metric.pod)
    expect(new Set(pods).size).toBe(pods.length)
  })
})

it('no alert fires in a world where all is well', async () => {
  interface Group {
    rules: { name: string; health: string; state: string; lastError?: string }[]
  }
  const rules = await vi.waitFor(async () => {
    const { groups } = await prometheus.api<{ groups: Group[] }>('rules')
    const all = groups.flatMap((group) => group.rules)
    expect(all.map(({ health }) => health)).not.toContain('unknown')
    return all
  }, WAIT)
  expect(rules.filter(({ health, state }) => health !== 'ok' || state === 'firing')).toEqual([])
})
