import { describe, expect, it } from 'vitest'
import type { Report, TestResult } from './report.ts'
import { judge, summarise } from './verdict.ts'

const report = (...tests: TestResult[]): Report => ({ tests, ownCount: { tests: tests.length, passed: 0 } })
const passed = (name: string): TestResult => ({ name, status: 'passed', errors: [] })
const skipped = (name: string): TestResult => ({ name, status: 'skipped', errors: ['not supported'] })
const failed = (name: string, status = 404): TestResult => ({
  name,
  status: 'failed',
  errors: [`unexpected status code, expected one of [200], received ${status}`],
})

describe('a failure is allowed', () => {
  it.each([
    'empty/referrers',
    'missing-subject/push/manifest-by-tag',
    'sha512 blobs/mount/blob-mount',
    'sha512/pull/x',
  ])('where distribution fails in the same way: %s', (name) => {
    const verdict = judge(report(failed(name)), report(failed(name)))
    expect(verdict.failed).toEqual([])
    expect([...verdict.allowed.values()]).toEqual([1])
  })
})

describe('a failure is not allowed', () => {
  const name = 'empty/referrers'

  it.each([
    ['the registry alone passes', report(failed(name)), report(passed(name)), 'the bare registry: passed'],
    ['the registry alone skips', report(failed(name)), report(skipped(name)), 'the bare registry: skipped'],
    ['another status comes', report(failed(name, 401)), report(failed(name)), 'the bare registry fails otherwise'],
    ['no reason is listed', report(failed('image/pull/x')), report(failed('image/pull/x')), 'not in the list'],
    ['a test is skipped that passes', report(skipped('a')), report(passed('a')), 'the bare registry: passed'],
    ['a test is missing', report(), report(passed('a')), 'did not run'],
    ['a test has no counterpart', report(passed('a'), passed('a')), report(passed('a')), 'did not get to this test'],
  ])('where %s', (_, tested, bare, why) => {
    const verdict = judge(tested, bare)
    expect(verdict.failed.map((failure) => failure.why)).toEqual([expect.stringContaining(why)])
    expect(verdict.allowed.size).toBe(0)
  })
})

it('does not mind the order of tests that have the same name', () => {
  const [pass, fail] = [passed('sha512/push/x'), failed('sha512/push/x')]
  expect(judge(report(fail, pass), report(pass, fail)).failed).toEqual([])
  expect(judge(report(fail, fail), report(pass, fail)).failed).toHaveLength(1)
})

it('ends with the counts, after each failure with its reason', () => {
  const tested = report(passed('a'), passed('b'), skipped('c'), failed('sha512/push/x'), failed('image/tag-list', 401))
  const bare = report(passed('a'), passed('b'), skipped('c'), failed('sha512/push/x'), passed('image/tag-list'))
  expect(summarise(judge(tested, bare)).split('\n')).toEqual([
    'FAILED image/tag-list (the bare registry: passed)',
    '         unexpected status code, expected one of [200], received 401',
    'allowed, since distribution does not have digests by sha512: 1',
    'skipped, as at the registry alone: 1',
    '2 passed, 1 failed, 1 allowed',
  ])
})
