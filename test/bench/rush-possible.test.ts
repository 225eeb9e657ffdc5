import { expect, it } from 'vitest'
import { possibleAnswers } from './rush-possible.ts'

const arrivals = (count: number, apartMs: number) => Array.from({ length: count }, (_, index) => index * apartMs)

it.each<[string, number[], number, number]>([
  ['all of a few', arrivals(10, 0), 15_000, 10],
  ['of a hundred at once, those that fit into the wait', arrivals(100, 0), 15_000, 62],
  ['of a hundred within 5 s, more', arrivals(100, 50), 15_000, 83],
  ['all that wait long enough', arrivals(100, 0), 60_000, 100],
  ['none that does not even wait for its own call', arrivals(100, 50), 200, 0],
])('can be answered: %s', (_, arriveMs, giveUpMs, answered) => {
  expect(possibleAnswers(arriveMs, { workerMs: 240, giveUpMs })).toBe(answered)
})
