/** What a decision over a thousand rules costs, on both sides. Printed, never asserted: machines differ. */
import type { Claims } from '../../trust/decision/claim-texts.ts'
import { decide } from '../../trust/decision/decide.ts'
import { loadPolicy } from '../../trust/decision/policy.ts'
import { compileDocument, sessionNames } from '../../trust/language/document.ts'
import type { TrustRule } from '../../trust/language/rule-schema.ts'
import type { Case } from './cases.ts'
import type { PythonMatcher } from './python-matcher.ts'

const ROUNDS = 50

const claims = {
  repository: 'acme/app',
  repository_owner: 'acme',
  repository_owner_id: '501',
  ref: 'refs/tags/v1.2.3',
}
const refs = ['refs/heads/main', 'refs/tags/*']

interface Workload {
  readonly name: string
  readonly rules: number
  readonly claims: Claims
  readonly rule: (index: number) => Pick<TrustRule, 'claims' | 'push'>
}

/** The usual case, the case in which every rule matches, and one that makes backtracking matchers slow. */
const workloads: readonly Workload[] = [
  {
    name: '1,000 rules, one for each owner',
    rules: 1_000,
    claims,
    rule: (index) => ({
      claims: [
        ['repository_owner_id', [String(index)]],
        ['ref', refs],
      ],
      push: ['{repository}'],
    }),
  },
  {
    name: '1,000 rules, all match, each grants something else',
    rules: 1_000,
    claims,
    rule: (index) => ({
      claims: [
        ['repository', ['acme/*']],
        ['ref', refs],
      ],
      push: [`{repository}/x${index}/**`],
    }),
  },
  {
    name: 'a pattern of 8 wildcards against a claim of 1,024 bytes',
    rules: 1,
    claims: { ...claims, ref: `${'a'.repeat(1023)}b` },
    rule: () => ({ claims: [['ref', ['**a**a**a**a**a**a**x**b']]], push: ['{repository}'] }),
  },
]

/** Milliseconds of one decision for one push, TypeScript and Python, one line for each workload. */
export async function bench(python: PythonMatcher): Promise<string[]> {
  const lines: string[] = []
  for (const workload of workloads) {
    const input = caseOf(workload)
    const policy = loadPolicy(input.document)
    if (policy === undefined) throw new Error(`the workload "${workload.name}" is not a document`)
    const here = quickest(() => decide(policy, input.slug, input.claims, input.scopes))
    const there = await python.measure(input, ROUNDS)
    lines.push(`${workload.name}: TypeScript ${here.toFixed(2)} ms, Python ${there.toFixed(2)} ms`)
  }
  return lines
}

function caseOf({ rules: count, rule, claims }: Workload): Case {
  const rules = Array.from(
    { length: count },
    (_, index): TrustRule => ({
      number: index + 1,
      source: 'github',
      pull: ['{repository_owner}/**'],
      delete: [],
      catalog: false,
      ...rule(index),
    }),
  )
  const issuer = 'https://token.actions.githubusercontent.com'
  const source = {
    slug: 'github',
    platform: 'github',
    issuer,
    audience: 'registry',
    keys: { jwksUrl: issuer },
  } as const
  const names = { application: 'docker-registry', groups: { push: 'push', pull: 'pull' }, session: sessionNames }
  return {
    document: compileDocument([source], rules, names),
    slug: 'github',
    claims,
    scopes: ['repository:acme/app:push,pull'],
    token: { kid: '1', issuer },
    keys: { 'docker-registry-github': [{ kid: '1', kty: 'RSA', n: 'n', e: 'AQAB' }] },
  }
}

function quickest(run: () => void): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  })
  return Math.min(...times)
}
