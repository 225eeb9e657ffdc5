import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parsePytest, parseVitest, summarise } from '../runner/results.ts'
import { runStep } from '../runner/step.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'runner-'))
})
afterEach(() => rm(directory, { recursive: true }))

/** A test runner made of shell, which writes its counts as JSON to "$1". */
function runner(script: string, limitSeconds = 10) {
  const file = join(directory, 'results')
  const argv = ['sh', '-c', script, 'sh', file] as const
  return runStep({ name: 'step', argv, limitSeconds, results: { file, parse: JSON.parse } })
}
const write = (passed: number, failed: number) => `echo '{"passed":${passed},"failed":${failed},"skipped":0}' > "$1"`

test('a check without results passes or fails as its exit code says', async () => {
  const check = (command: string) => runStep({ name: 'check', argv: [command], limitSeconds: 10 })
  expect(await check('true')).toMatchObject({ passed: 1, failed: 0 })
  expect(await check('false')).toMatchObject({ passed: 0, failed: 1, remark: 'ended with exit code 1' })
  expect(await check('no-such-command')).toMatchObject({ failed: 1, remark: expect.stringContaining('ENOENT') })
})

test('the counts are those of the results', async () => {
  expect(await runner(write(3, 0))).toMatchObject({ passed: 3, failed: 0 })
  expect(await runner(`${write(3, 2)}; exit 1`)).toMatchObject({ passed: 3, failed: 2 })
})

test('silence is not success', async () => {
  expect(await runner('true')).toMatchObject({ failed: 1, remark: 'ended well, but left no results' })
  expect(await runner('kill -9 $$')).toMatchObject({ failed: 1, remark: 'ended with SIGKILL left no results' })
  expect(await runner(write(0, 0))).toMatchObject({ failed: 1, remark: 'ran no test' })
  expect(await runner(`${write(3, 0)}; exit 1`)).toMatchObject({
    passed: 3,
    failed: 1,
    remark: 'ended with exit code 1 though no test failed',
  })
})

test('what hangs is ended', async () => {
  expect(await runner(`${write(1, 0)}; exec sleep 60`, 0.2)).toMatchObject({
    passed: 1,
    failed: 1,
    remark: 'took longer than 0.2 s though no test failed',
  })
})

test('vitest: a file that does not load counts as a failure', () => {
  const file = (status: string, ...tests: string[]) => ({ status, assertionResults: tests.map((s) => ({ status: s })) })
  const results = {
    numPassedTests: 2,
    numFailedTests: 1,
    numPendingTests: 1,
    testResults: [file('passed', 'passed', 'pending'), file('failed', 'passed', 'failed'), file('failed')],
  }
  expect(parseVitest(JSON.stringify(results))).toEqual({ passed: 2, failed: 2, skipped: 1 })
  expect(() => parseVitest('{}')).toThrow()
})

test('pytest: errors are failures, skipped ones are neither', () => {
  const suite = '<testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="0.1">'
  const xml = `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests">${suite}</testsuite></testsuites>`
  expect(parsePytest(xml)).toEqual({ passed: 4, failed: 3, skipped: 3 })
  expect(() => parsePytest('<testsuites/>')).toThrow('no <testsuite>')
})

test('the list ends with the sums', () => {
  const none = { skipped: 0, seconds: 1.25 }
  const text = summarise([
    { name: 'type check', passed: 1, failed: 0, ...none },
    { name: 'vitest unit', passed: 12, failed: 1, ...none, remark: 'why' },
  ])
  expect(text.split('\n').slice(1)).toEqual([
    'ok      type check      1.3 s  1 passed, 0 failed',
    'FAILED  vitest unit     1.3 s  12 passed, 1 failed (why)',
    '',
    '13 passed, 1 failed',
  ])
})
