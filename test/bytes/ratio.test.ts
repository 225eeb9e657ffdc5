import { expect, it } from 'vitest'
import { compare, inWords } from './ratio.ts'

const rounds = [
  { stack: 10, alone: 10 },
  { stack: 30, alone: 20 },
  { stack: 11, alone: 10 },
]

it('takes the median of the ratios, not the ratio of the medians', () => {
  expect(compare(rounds)).toEqual({ stack: 11, alone: 10, ratio: 1.1, between: [1, 1.5] })
})

it('lies between the middle two of an even number', () => {
  expect(compare([...rounds, { stack: 13, alone: 10 }]).ratio).toBeCloseTo(1.2)
})

it('refuses to compare nothing', () => {
  expect(() => compare([])).toThrow('no median')
})

it('says the ratio with its noise', () => {
  expect(inWords('push', compare(rounds))).toBe('push: 1.10 times the registry alone (1.00 to 1.50); 11.0 s and 10.0 s')
})
