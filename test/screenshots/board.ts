/**
 * The dashboard as a picture: its queries as Prometheus answers them, drawn by Chromium. It looks like
 * Grafana's and is not it: Grafana cannot be downloaded where this runs.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Panel, RATE_WINDOW, type Row, rowsOf } from '../../infra/monitoring/panels.ts'
import type { Found, Prometheus } from '../monitoring/prometheus.ts'
import { chart, colourOf, type Line, shown } from './chart.ts'
import { takePictures } from './chromium.ts'

const NAMESPACE = 'passwordless-registry'
export const LOOK_SECONDS = 2
/** Four looks, as Grafana has it. */
const WINDOW = `${4 * LOOK_SECONDS}s`
/** Of lines that a legend names. */
const MOST_LINES = 9

/**
 * @param path where the picture goes
 * @param range what it shows, in which Prometheus looked every `LOOK_SECONDS`
 */
export async function pictureBoard(path: string, prometheus: Prometheus, range: Range): Promise<void> {
  const rows = await Promise.all(rowsOf(NAMESPACE).map((row) => rowHtml(prometheus, row, range)))
  const body = `<!doctype html><meta charset="utf-8"><title>board</title><style>${STYLE}</style>${rows.join('')}`
  const headers = { 'content-type': 'text/html; charset=utf-8' }
  const server = createServer((_, response) => response.writeHead(200, headers).end(body)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    await takePictures([{ url, path, window: '1240,2480', scheme: 'light' }])
  } finally {
    server.close()
  }
}

export type Range = { start: number; end: number }

async function rowHtml(prometheus: Prometheus, { title, kind, panels }: Row, range: Range): Promise<string> {
  const draw = kind === 'stat' ? statHtml : linesHtml
  const drawn = await Promise.all(panels.map((panel) => draw(prometheus, panel, range)))
  return `<h2>${title}</h2><section class="${kind}">${drawn.join('')}</section>`
}

async function statHtml(prometheus: Prometheus, { title, unit, queries }: Panel): Promise<string> {
  const [found] = await prometheus.query(queries[0]?.expr ?? '')
  const value = Number(found?.value?.[1])
  return `<article><h3>${title}</h3><p>${Number.isNaN(value) ? '—' : shown(value, unit)}</p></article>`
}

async function linesHtml(prometheus: Prometheus, { title, unit, queries }: Panel, range: Range): Promise<string> {
  const lines: Line[] = []
  for (const { expr, legend } of queries) {
    const found = await prometheus.queryRange(expr.replaceAll(RATE_WINDOW, WINDOW), { ...range, step: LOOK_SECONDS })
    lines.push(...found.map((series) => lineOf(series, legend)))
  }
  const most = lines.slice(0, MOST_LINES)
  const legend = most.map(({ name }, index) => `<span><i style="background:${colourOf(index)}"></i>${name}</span>`)
  return `<article><h3>${title}</h3>${chart(most, unit, range)}<footer>${legend.join('')}</footer></article>`
}

function lineOf({ metric, values = [] }: Found, legend: string): Line {
  const name = legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '')
  const points = values.map(([seconds, value]) => [seconds, Number(value)] as const)
  return { name, points: points.filter(([, value]) => Number.isFinite(value)) }
}

const STYLE = `
  body { margin: 14px; background: #f4f5f5; color: #24292e; font: 13px/1.4 system-ui, sans-serif }
  h2 { margin: 14px 2px 6px; font-size: 15px }
  h3 { margin: 0 0 4px; font-size: 13px; font-weight: 600 }
  section { display: grid; gap: 8px }
  .stat { grid-template-columns: repeat(6, 1fr) }
  .lines { grid-template-columns: 1fr 1fr }
  article { background: #fff; border: 1px solid #e2e4e6; border-radius: 3px; padding: 8px 10px }
  .stat p { margin: 6px 0; font-size: 28px; text-align: center; color: #37872d }
  svg { display: block; width: 100% }
  svg text { font: 10px system-ui, sans-serif; fill: #6a7178 }
  .grid { stroke: #e9eaec }
  footer span { margin-right: 14px; white-space: nowrap; font-size: 12px }
  i { display: inline-block; width: 12px; height: 3px; margin-right: 5px; vertical-align: middle }
`
