import { expect, it } from 'vitest'
import { scheduleProblem } from './cron.ts'

it.each(['30 3 * * *', '*/15 0-6 1,15 jan-mar mon', '0 0 * * 0', '5-55/10 23 31 12 6', '@daily', '0 3 * * SUN'])(
  'takes %s',
  (schedule) => {
    expect(scheduleProblem(schedule)).toBeUndefined()
  },
)

it.each([
  ['', 'five fields'],
  ['30 3 * *', 'five fields'],
  ['0 30 3 * * *', 'five fields'],
  ['30  3 * * *', 'five fields'],
  ['60 3 * * *', 'a minute from 0 to 59'],
  ['0 24 * * *', 'an? hour from 0 to 23'],
  ['0 0 0 * *', 'a day of the month from 1 to 31'],
  ['0 0 * 13 *', 'a month from 1 to 12'],
  ['0 0 * * 7', 'a day of the week from 0 to 6'],
  ['0 5-3 * * *', 'hour'],
  ['*/0 * * * *', 'minute'],
  ['1- * * * *', 'minute'],
  ['-1 * * * *', 'minute'],
  ['1,,2 * * * *', 'minute'],
  ['@reboot', 'five fields'],
  ['0 3 * * *\n', 'day of the week'],
])('refuses %j', (schedule, problem) => {
  expect(scheduleProblem(schedule)).toMatch(new RegExp(problem))
})
