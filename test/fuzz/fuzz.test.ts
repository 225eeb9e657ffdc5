import { describe, expect, test } from 'vitest'
import { ensurePython } from '../../local/toolchain/python.ts'
import { TokenError } from '../../service/errors.ts'
import type { TokenEndpoint } from '../../service/token.ts'
import { askAnything } from './ask.ts'
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
    expect(outcome.tally.identified).toBeGreaterThan(CASES / 100)
    expect(outcome.tally.shared).toBeGreaterThan(CASES / 1000)
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

describe('the token endpoint, for anything that a client may send,', () => {
  test('answers or refuses, and shows no secret', async () => {
    const outcome = await askAnything(CASES, SEED)
    expect('report' in outcome ? outcome.report : '').toBe('')
    expect(outcome.tally.cases).toBe(CASES)
    expect(outcome.tally.granted).toBeGreaterThan(CASES / 100)
    // From the scope's characters to the rules: every check has its share.
    expect([...outcome.tally.refused.keys()]).toEqual(
      expect.arrayContaining([
        ...['scope_malformed', 'service_unknown', 'form_malformed', 'grant_unsupported'],
        ...['credentials_malformed', 'credentials_refused', 'credentials_missing', 'token_malformed', 'audience_wrong'],
      ]),
    )
  })

  const told = (text: string) => Buffer.from(/ (\S+)$/.exec(text)?.[1] ?? '', 'base64').toString()
  const liars: [string, TokenEndpoint, string][] = [
    [
      'quotes what it was sent',
      async (request) => {
        throw new TokenError('credentials_malformed', request.form ?? told(request.authorization ?? ''))
      },
      'a secret is in the answer',
    ],
    [
      'puts a user name into the audit log',
      async ({ decision, ...request }) => {
        decision.subject = request.form ?? told(request.authorization ?? '')
        throw new TokenError('credentials_refused', 'no')
      },
      'a secret is in the log',
    ],
    [
      'breaks',
      async () => {
        throw new RangeError('index')
      },
      'RangeError: index',
    ],
  ]
  test.each(liars)('is found out when it %s', async (_, endpoint, report) => {
    const outcome = await askAnything(CASES, SEED, endpoint)
    expect('report' in outcome ? outcome.report : '').toContain(report)
  })
})
