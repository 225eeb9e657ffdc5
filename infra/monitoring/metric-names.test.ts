/** Alerts and dashboard name nothing that is not measured. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { probeMetrics, probes } from '../../prober/measured.ts'
import { disagreements } from '../../service/decision/disagreement.ts'
import { failures } from '../../service/errors.ts'
import { outcomes } from '../../service/operations/audit.ts'
import { restingMetrics } from '../../service/operations/metrics.fixture.ts'
import { alertsOf } from './alerts.ts'
import { expressions, metricsIn, OTHERS } from './metrics-named.fixture.ts'
import { rowsOf } from './panels.ts'

/** Names of samples by the page's lines of types: a histogram has three. */
function samples(page: string): string[] {
  const types = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
  return types.flatMap(([, name = '', type]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name],
  )
}

const registryPage = readFileSync(join(import.meta.dirname, 'registry-metrics.recorded.txt'), 'utf8')

describe('each metric that an alert or a panel names', () => {
  it('is one of the token service, the registry, the probers, or a few of others', async () => {
    const measured = new Set([
      ...samples(await restingMetrics().page()),
      ...samples(registryPage),
      ...Object.values(probeMetrics),
      ...OTHERS,
    ])
    const named = metricsIn(expressions('stack'))
    expect(named.filter((name) => !measured.has(name))).toEqual([])
    expect(named.length).toBeGreaterThan(20)
  })

  it('is of this stack alone', () => {
    for (const { expr } of expressions('stack')) {
      const selectors = [...expr.matchAll(/\w\{([^}]*)\}/g)].map(([, labels = '']) => labels)
      expect(selectors, expr).not.toEqual([])
      for (const labels of selectors) expect(labels, expr).toMatch(/(^|,)(exported_)?namespace="stack"/)
    }
  })
})

it('each value of a label is one that is there', () => {
  const values: Record<string, readonly string[]> = {
    reason: Object.keys(failures),
    outcome: outcomes,
    kind: disagreements,
    probe: probes,
  }
  const pairs = expressions('stack').flatMap(({ expr }) => [...expr.matchAll(/(\w+)="([^"]*)"/g)])
  const unknown = pairs.filter(([, label = '', value = '']) => values[label]?.includes(value) === false)
  expect(unknown.map(([pair]) => pair)).toEqual([])
})

it('each alert has its heading in docs/monitoring.md, and says what to do', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'monitoring.md'), 'utf8')
  const headings = [...page.matchAll(/^### (\w+)$/gm)].map(([, name]) => name)
  expect(headings.toSorted()).toEqual([...new Set(alertsOf('stack').map(({ name }) => name))].toSorted())
})

it('no panel of the dashboard is without a description and a query', () => {
  for (const { title, description, queries } of rowsOf('stack').flatMap(({ panels }) => panels)) {
    expect(description, title).not.toBe('')
    expect(queries, title).not.toEqual([])
  }
})
