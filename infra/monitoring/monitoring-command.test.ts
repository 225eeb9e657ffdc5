import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { alertRules } from './alerts.ts'
import { dashboard } from './dashboard.ts'
import { runMonitoring } from './monitoring-command.ts'

it('prints the rules and the dashboard of a namespace', () => {
  const rules = runMonitoring(['rules', '--namespace', 'passwordless-registry'])
  expect(rules.exitCode).toBe(0)
  expect(parse(rules.text)).toEqual(alertRules({ namespace: 'passwordless-registry', documents: undefined }))
  const board = runMonitoring(['dashboard', '--namespace', 'stack'])
  expect(board).toEqual({ exitCode: 0, text: `${dashboard('stack')}\n` })
})

it.each([
  [[], /expected rules or dashboard, got nothing\nUsage: npm run/],
  [['rules', 'dashboard'], /got rules dashboard/],
  [['rules', '--namespace', 'a"}'], /expected the name of a namespace, got "a\\"}"/],
  [['rules', '--nonsense'], /nonsense[\s\S]*Usage/],
])('says what is wrong with %j', (argv, message) => {
  expect(runMonitoring(argv)).toEqual({ exitCode: 2, text: expect.stringMatching(message) })
})
