/** The bench's figures as text for a person. */
import { availableParallelism, loadavg } from 'node:os'
import { type Judged, megabytes } from './aims.ts'
import { type AnswerCount, mistakesIn } from './answer-check.ts'
import type { Row } from './measure.ts'

/** What the figures were taken on. */
export interface Machine {
  cores: number
  node: string
  /** Processes that wanted to run in the last minute before the bench, beside it. */
  loadBefore: number
}

/** Part of the time beyond which the load may have been slower than what it measured. */
const BUSY_LOAD = 0.9

/** Looks at this machine. */
export function thisMachine(): Machine {
  return { cores: availableParallelism(), node: process.version, loadBefore: loadavg()[0] ?? 0 }
}

const widths = [9, 5, 8, 8, 8, 8, 7, 8, 6, 14, 7]
const line = (cells: readonly string[]) =>
  cells.map((cell, index) => (index === 0 ? cell.padEnd : cell.padStart).call(cell, widths[index] ?? 0)).join(' ')

/** The lines above the rows. */
export function heading({ cores, node, loadBefore }: Machine): string {
  const busy = loadBefore > cores / 2 ? '; something else is running here, so only the ratios mean something' : ''
  return [
    `${cores} cores, Node ${node}, load before: ${loadBefore.toFixed(1)}${busy}`,
    'errors: answers without a token. up/1k: upstream calls for 1,000 requests. bare: a server that looks at nothing,',
    'measured right before and after; ± is how far the two are apart.',
    '',
    line(['', 'conns', 'upstream', 'req/s', 'p50 ms', 'p99 ms', 'errors', 'up/1k', 'MB', 'bare req/s', 'of bare']),
  ].join('\n')
}

/** One row. */
export function rowLine(row: Row): string {
  const [before, after] = row.bare
  const mean = (before + after) / 2
  const spread = Math.abs(before - after) / 2 / mean
  return line([
    row.workload,
    String(row.connections),
    row.delayMs === undefined ? '-' : `${row.delayMs} ms`,
    row.perSecond.toFixed(0),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    String(row.failures),
    row.upstreamCalls === undefined ? '-' : ((row.upstreamCalls / row.requests) * 1000).toFixed(1),
    row.residentBytes === undefined ? '-' : megabytes(row.residentBytes),
    `${mean.toFixed(0)} ±${(spread * 100).toFixed(0).padStart(2)} %`,
    `${(row.ofBare * 100).toFixed(0)} %${row.loadBusy > BUSY_LOAD ? ' !' : ''}`,
  ])
}

/** The lines below the rows. */
export function ending(rows: readonly Row[], judged: readonly Judged[], counts: readonly AnswerCount[]): string {
  const slow = rows.some(({ loadBusy }) => loadBusy > BUSY_LOAD)
  const wrong = counts.reduce((sum, count) => sum + count.wrong, 0)
  return [
    ...(slow ? ['', '!: the load itself had a whole core to do; the server can do more than the figure'] : []),
    '',
    verdicts(judged),
    '',
    wrong === 0 ? 'No wrong answers.' : `${wrong} wrong answers among those that were looked into:`,
    ...mistakesIn(counts).map((mistake) => `  ${mistake}`),
  ].join('\n')
}

/** One line for each aim. */
export function verdicts(judged: readonly Judged[]): string {
  return judged.map(({ aim, figure, met }) => `${verdict(met).padEnd(12)} ${aim}: ${figure}`).join('\n')
}

function verdict(met: boolean | undefined): string {
  if (met === undefined) return 'not measured'
  return met ? 'met' : 'not met'
}
