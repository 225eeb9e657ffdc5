import { describe, expect, test } from 'vitest'
import { ensurePython } from '../../local/toolchain/python.ts'
import { compare, decideHere } from './compare.ts'
import { type PythonMatcher, startPythonMatcher } from './python-matcher.ts'

const CASES = 2_000
const SEED = 1

describe('the matchers in TypeScript and Python', () => {
  test('decide the same, and not only no', async () => {
    await using python = startPythonMatcher(await ensurePython())
    const outcome = await compare(python, CASES, SEED)
    expect('report' in outcome ? outcome.report : '').toBe('')
    expect(outcome.tally.cases).toBe(CASES)
    expect(outcome.tally.matched).toBeGreaterThan(CASES / 10)
    expect(outcome.tally.granted).toBeGreaterThan(CASES / 100)
    expect(outcome.tally.notUnderstood).toBeGreaterThan(CASES / 100)
  })
})

describe('a disagreement', () => {
  const liar: PythonMatcher = {
    decide: async (input) => ({ ...decideHere(input), access: [] }),
    measure: async () => 0,
    [Symbol.asyncDispose]: async () => {},
  }
  test('is found, made small, and named by its seed', async () => {
    const outcome = await compare(liar, CASES, SEED)
    const report = 'report' in outcome ? outcome.report : ''
    expect(report).toContain(`disagreement with --seed ${SEED}`)
    expect(report).toMatch(/TypeScript: .*"access":\[\{/)
    expect(report).toMatch(/Python: .*"access":\[\]/)
    expect(report.length).toBeLessThan(2_500)
  })
  test('is not what a broken matcher is taken for', async () => {
    const broken: PythonMatcher = { ...liar, decide: () => Promise.reject(new Error('the Python matcher has ended')) }
    await expect(compare(broken, CASES, SEED)).rejects.toThrow('the Python matcher has ended')
  })
})
