/**
 * Reads the result files of the test runners, and writes the list at the end of `npm test`.
 */
import { z } from 'zod'
import type { Counts, Outcome } from './step.ts'

const vitestResults = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) })),
})

/** @param text what vitest's json reporter wrote */
export function parseVitest(text: string): Counts {
  const results = vitestResults.parse(JSON.parse(text))
  // A file that does not even load, or whose hooks fail, has no failed test of its own.
  const broken = results.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + broken.length,
    skipped: results.numPendingTests,
  }
}

/** @param text the JUnit XML that pytest wrote, with one <testsuite> */
export function parsePytest(text: string): Counts {
  const suite = /<testsuite\b[^>]*>/.exec(text)?.[0]
  if (suite === undefined) throw new Error('no <testsuite> in the results')
  const count = (attribute: string) => {
    const value = new RegExp(`\\s${attribute}="(\\d+)"`).exec(suite)?.[1]
    if (value === undefined) throw new Error(`<testsuite> has no number of ${attribute}`)
    return Number(value)
  }
  const failed = count('errors') + count('failures')
  const skipped = count('skipped')
  return { passed: count('tests') - failed - skipped, failed, skipped }
}

/** A line for each step, and as the last line the sums: exactly `N passed, N failed`. */
export function summarise(outcomes: readonly Outcome[]): string {
  const lines = outcomes.map(({ name, passed, failed, skipped, seconds, remark }) =>
    [
      failed > 0 ? 'FAILED' : 'ok    ',
      name.padEnd(Math.max(...outcomes.map((outcome) => outcome.name.length))),
      `${seconds.toFixed(1).padStart(6)} s`,
      `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}${remark ? ` (${remark})` : ''}`,
    ].join('  '),
  )
  const sum = (key: 'passed' | 'failed') => outcomes.reduce((total, outcome) => total + outcome[key], 0)
  return ['', ...lines, '', `${sum('passed')} passed, ${sum('failed')} failed`].join('\n')
}
