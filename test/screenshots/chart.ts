/** Lines over time as SVG, in the manner of Grafana, which is not to be had everywhere. */
import type { Unit } from '../../infra/monitoring/panels.ts'

/** One line: its name, and its points by time. */
export interface Line {
  name: string
  points: readonly (readonly [seconds: number, value: number])[]
}

const SIZE = { width: 560, height: 190 }
const MARGIN = { left: 58, right: 8, top: 8, bottom: 20 }
const COLOURS = ['#3871dc', '#e0752d', '#56a64b', '#a352cc', '#e02f44', '#f2cc0c', '#37872d', '#8ab8ff', '#ff9830']
const TICKS = 4

export const colourOf = (index: number): string => COLOURS[index % COLOURS.length] ?? ''

/** A number as its unit shows it. */
export function shown(value: number, unit: Unit): string {
  const short = (number: number, base = 1000, ends = ['', 'k', 'M', 'G']) => {
    const step = Math.min(ends.length - 1, Math.max(0, Math.floor(Math.log(Math.max(number, 1)) / Math.log(base))))
    return `${Number((number / base ** step).toPrecision(3))}${step === 0 ? (ends[0] ?? '') : ` ${ends[step]}`}`
  }
  const binary = (end: string) => short(value, 1024, [` B${end}`, `KiB${end}`, `MiB${end}`, `GiB${end}`])
  switch (unit) {
    case 'bool_yes_no':
      return value === 0 ? 'No' : 'Yes'
    case 'percentunit':
      return `${Number((value * 100).toPrecision(4))} %`
    case 's':
      return value < 1 ? `${Number((value * 1000).toPrecision(3))} ms` : `${Number(value.toPrecision(3))} s`
    case 'bytes':
      return binary('')
    case 'Bps':
      return binary('/s')
    case 'reqps':
      return `${short(value)}/s`
    case 'short':
      return short(value)
  }
}

/** @param range of time, seconds since 1970 */
export function chart(lines: readonly Line[], unit: Unit, range: { start: number; end: number }): string {
  const most = Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value)), 0)
  const top = unit === 'bytes' || unit === 'Bps' ? 2 ** Math.ceil(Math.log2(Math.max(most, 1))) : niceTop(most)
  const plot = { width: SIZE.width - MARGIN.left - MARGIN.right, height: SIZE.height - MARGIN.top - MARGIN.bottom }
  const x = (seconds: number) => MARGIN.left + ((seconds - range.start) / (range.end - range.start)) * plot.width
  const y = (value: number) => MARGIN.top + (1 - value / top) * plot.height
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => (top * index) / TICKS)
  const grid = ticks.map(
    (value) =>
      `<line class="grid" x1="${MARGIN.left}" x2="${SIZE.width - MARGIN.right}" y1="${y(value)}" y2="${y(value)}"/>` +
      `<text x="${MARGIN.left - 6}" y="${y(value) + 4}" text-anchor="end">${shown(value, unit)}</text>`,
  )
  const times = [0.1, 0.5, 0.9].map((part) => {
    const seconds = range.start + part * (range.end - range.start)
    const text = new Date(seconds * 1000).toISOString().slice(11, 19)
    return `<text x="${x(seconds)}" y="${SIZE.height - 4}" text-anchor="middle">${text}</text>`
  })
  const paths = lines.map(({ points }, index) => {
    const at = points.map(([seconds, value]) => `${x(seconds).toFixed(1)},${y(value).toFixed(1)}`)
    return `<polyline fill="none" stroke="${colourOf(index)}" stroke-width="1.6" points="${at.join(' ')}"/>`
  })
  return `<svg viewBox="0 0 ${SIZE.width} ${SIZE.height}">${[...grid, ...times, ...paths].join('')}</svg>`
}

/** The next of 1, 2, 4, 5 or 8 times a power of ten. */
function niceTop(most: number): number {
  if (!(most > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(most))
  return ([1, 2, 4, 5, 8, 10].find((factor) => factor * power >= most) ?? 10) * power
}
