import { expect, it } from 'vitest'
import { dashboard } from './dashboard.ts'
import { rowsOf } from './panels.ts'

interface Placed {
  type: string
  title: string
  targets?: { expr: string; legendFormat: string; datasource: { uid: string } }[]
  gridPos: { x: number; y: number; w: number; h: number }
}
const board = JSON.parse(dashboard('stack')) as {
  uid: string
  panels: Placed[]
  templating: { list: { name: string; type: string; query: string }[] }
}

it('has every panel with its queries, from the Prometheus that the reader picks', () => {
  const wanted = rowsOf('stack').flatMap(({ panels }) => panels)
  const shown = board.panels.filter(({ type }) => type !== 'row')
  expect(shown.map(({ title }) => title)).toEqual(wanted.map(({ title }) => title))
  for (const [index, { targets = [] }] of shown.entries()) {
    const queries = targets.map(({ expr, legendFormat: legend }) => ({ expr, legend }))
    expect(queries).toEqual(wanted[index]?.queries)
    expect(targets.every(({ datasource }) => datasource.uid === '$datasource')).toBe(true)
  }
  expect(board.templating.list).toMatchObject([{ name: 'datasource', type: 'datasource', query: 'prometheus' }])
})

it('lays no panel over another, nor beyond the edge', () => {
  const overlap = (one: Placed['gridPos'], other: Placed['gridPos']) =>
    one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h
  for (const [index, { gridPos, title }] of board.panels.entries()) {
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
    const over = board.panels.slice(index + 1).filter((other) => overlap(gridPos, other.gridPos))
    expect(over.map((other) => `${title} over ${other.title}`)).toEqual([])
  }
})

it('has a name that Grafana takes, of any namespace, and fits into a ConfigMap', () => {
  const long = JSON.parse(dashboard('n'.repeat(63))) as { uid: string }
  expect(long.uid).toHaveLength(40)
  expect(dashboard('stack').length).toBeLessThan(200_000)
})
