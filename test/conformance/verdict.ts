/**
 * Which failures of the conformance suite are allowed: those of distribution itself. A failure behind the token service
 * is allowed only if it has one of the reasons below and the registry without anything in front of it fails the same
 * test in the same way.
 */
import type { Report, TestResult } from './report.ts'

/** What distribution 3.1 does not have. This is the only list of allowed failures. */
export const NOT_IN_DISTRIBUTION = [
  { reason: 'digests by sha512', tests: /^sha512(?: blobs)?\// },
  { reason: 'the referrers API', tests: /^(?:empty\/referrers$|(?:artifacts-with|index-with|missing)-subject\/)/ },
  { reason: 'layers that are not to be distributed', tests: /^non-distributable-layers\// },
] as const

export interface Failure {
  test: string
  /** Why it is not allowed. */
  why: string
  errors: readonly string[]
}

export interface Verdict {
  passed: number
  /** Tests that the suite skips at both, because a registry may do without what they ask for. */
  skipped: number
  /** How many failures each reason explains. */
  allowed: Map<string, number>
  failed: readonly Failure[]
}

/**
 * @param tested the registry behind the token service
 * @param bare the same registry without anything in front of it
 */
export function judge(tested: Report, bare: Report): Verdict {
  const verdict = { passed: 0, skipped: 0, allowed: new Map<string, number>(), failed: [] as Failure[] }
  const fail = ({ name, errors }: TestResult, why: string) => verdict.failed.push({ test: name, why, errors })
  const waiting = Map.groupBy(bare.tests, ({ name }) => name)
  const pairs = [...Map.groupBy(tested.tests, ({ name }) => name)].flatMap(([name, tests]) =>
    pair(tests, waiting.get(name) ?? []),
  )
  for (const [test, counterpart] of pairs) {
    if (counterpart === undefined) fail(test, 'the bare registry did not get to this test')
    else if (test.status === 'passed') verdict.passed += 1
    else if (test.status !== counterpart.status) fail(test, `the bare registry: ${counterpart.status}`)
    else if (test.status === 'skipped') verdict.skipped += 1
    else if (!endAlike(test, counterpart)) {
      fail(test, `the bare registry fails otherwise: ${counterpart.errors.join('; ')}`)
    } else {
      const reason = NOT_IN_DISTRIBUTION.find(({ tests }) => tests.test(test.name))?.reason
      if (reason === undefined) fail(test, 'the bare registry fails too, for a reason that is not in the list')
      else verdict.allowed.set(reason, (verdict.allowed.get(reason) ?? 0) + 1)
    }
  }
  for (const test of [...waiting.values()].flat()) fail(test, `did not run; the bare registry: ${test.status}`)
  return verdict
}

/**
 * Tests of one name, each with its counterpart, which is taken out of `waiting`. The suite does not always run them in
 * the same order, so one that ended alike is the counterpart, before any other.
 */
function pair(tests: readonly TestResult[], waiting: TestResult[]): [TestResult, TestResult | undefined][] {
  const take = (index: number) => (index < 0 ? undefined : waiting.splice(index, 1)[0])
  const alike = tests.map((test) => take(waiting.findIndex((other) => endAlike(test, other))))
  return tests.map((test, index) => [test, alike[index] ?? take(waiting.length > 0 ? 0 : -1)])
}

const endAlike = (one: TestResult, other: TestResult) =>
  one.status === other.status && String(statusesIn(one)) === String(statusesIn(other))

/** The HTTP statuses that came where others were expected: a 401 is another failure than a 404. */
const statusesIn = ({ errors }: TestResult) =>
  errors.flatMap((line) => [...line.matchAll(/\breceived (\d{3})\b/g)].map(([, status]) => status))

/** What a person reads; the last line is exactly `N passed, N failed, N allowed`. */
export function summarise({ passed, skipped, allowed, failed }: Verdict): string {
  const lines = failed.flatMap(({ test, why, errors }) => [
    `FAILED ${test} (${why})`,
    ...errors.map((line) => `         ${line}`),
  ])
  const reasons = [...allowed].map(([reason, count]) => `allowed, since distribution does not have ${reason}: ${count}`)
  const sum = [...allowed.values()].reduce((total, count) => total + count, 0)
  return [
    ...lines,
    ...reasons,
    `skipped, as at the registry alone: ${skipped}`,
    `${passed} passed, ${failed.length} failed, ${sum} allowed`,
  ].join('\n')
}
