import { expect, it } from 'vitest'
import { chart, shown } from './chart.ts'

it.each([
  [0, 'bool_yes_no', 'No'],
  [1, 'bool_yes_no', 'Yes'],
  [0.9951, 'percentunit', '99.51 %'],
  [0.0123, 's', '12.3 ms'],
  [2.5, 's', '2.5 s'],
  [5 * 1024 * 1024, 'bytes', '5 MiB'],
  [300, 'Bps', '300 B/s'],
  [1500, 'reqps', '1.5 k/s'],
  [0.25, 'short', '0.25'],
] as const)('shows %s of %s as %s', (value, unit, text) => {
  expect(shown(value, unit)).toBe(text)
})

it('draws each point within the frame, the highest below the top', () => {
  const svg = chart(
    [
      {
        name: 'a',
        points: [
          [100, 0],
          [150, 3],
          [200, 1],
        ],
      },
    ],
    'short',
    { start: 100, end: 200 },
  )
  const [, points = ''] = /points="([^"]+)"/.exec(svg) ?? []
  expect(points.split(' ').map((point) => point.split(',').map(Number))).toEqual([
    [58, 170],
    [305, 48.5],
    [552, 129.5],
  ])
})

it('draws an empty frame where nothing is known', () => {
  expect(chart([], 'short', { start: 0, end: 10 })).toMatch(/^<svg.*<\/svg>$/)
})
