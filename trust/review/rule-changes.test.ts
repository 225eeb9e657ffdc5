import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { claimTexts } from '../decision/claim-texts.ts'
import { decide } from '../decision/decide.ts'
import { policyOf, sources } from '../decision/policy.fixture.ts'
import { compileDocument, sessionNames } from '../language/document.ts'
import { parseRules } from '../language/rules.ts'
import { grantedOnlyBy } from './rule-changes.ts'

const rulesOf = (...written: unknown[]) => {
  const { rules, findings } = parseRules(written, sources)
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
  return rules
}
const alone = (these: ReturnType<typeof rulesOf>, those: ReturnType<typeof rulesOf>) =>
  grantedOnlyBy(these, those, sources)

const owner = (id: string | string[], ref: string | string[] = 'refs/heads/main') => ({
  source: 'github',
  claims: { repository_owner_id: id, ref },
  push: ['{repository}'],
})

describe('what rules grant that others do not', () => {
  test('nothing, where rules are moved, split or joined', () => {
    const joined = rulesOf(owner(['501', '502'], ['refs/heads/main', 'refs/tags/*']))
    const divided = rulesOf(owner('502', ['refs/tags/*', 'refs/heads/main']), owner('501', 'refs/tags/*'), owner('501'))
    expect(alone(joined, divided)).toEqual([])
    expect(alone(divided, joined)).toEqual([])
  })
  test('the patterns alone that were added to a claim', () => {
    const [part, ...others] = alone(rulesOf(owner('501', ['refs/heads/main', 'refs/tags/*'])), rulesOf(owner('501')))
    expect(others).toEqual([])
    expect(part).toMatchObject({ whole: false, rule: { push: ['{repository}'] } })
    expect(new Map(part?.rule.claims).get('ref')).toEqual(['refs/tags/*'])
  })
  test('the whole rule, where a claim was taken out of it', () => {
    const [part] = alone(rulesOf({ ...owner('501'), claims: { repository_owner_id: '501' } }), rulesOf(owner('501')))
    expect(part).toMatchObject({ whole: true, rule: { number: 1, push: ['{repository}'] } })
  })
  test('the catalog', () => {
    const [part] = alone(rulesOf({ ...owner('501'), catalog: true }), rulesOf(owner('501')))
    expect(part?.rule).toMatchObject({ push: [], catalog: true })
  })

  test('no job that matches gets more than was said', () => {
    const id = fc.constantFrom('1', '2')
    const ref = fc.constantFrom('refs/heads/main', 'refs/heads/*', 'refs/tags/*', 'refs/**')
    const template = fc.constantFrom('{repository}', '{repository_owner}/**', 'shared/base', 'shared/*', '**')
    const some = <Value>(of: fc.Arbitrary<Value>) => fc.uniqueArray(of, { minLength: 1, maxLength: 2 })
    const rule = fc.record({
      source: fc.constant('github'),
      claims: fc.record({ repository_owner_id: some(id), ref: some(ref) }, { requiredKeys: ['repository_owner_id'] }),
      push: some(template),
      pull: some(template),
    })
    const list = fc.array(rule, { minLength: 1, maxLength: 3 })
    const claims = fc.record({
      repository: fc.constant('acme/app'),
      repository_owner: fc.constant('acme'),
      repository_owner_id: id,
      ref: fc.constantFrom('refs/heads/main', 'refs/heads/dev', 'refs/tags/v1', 'refs/pull/1/merge'),
    })
    const scopes = ['acme/app', 'acme/other', 'shared/base', 'shared/x', 'else/where'].map(
      (name) => `repository:${name}:push,pull`,
    )
    const names = { application: 'a', groups: { push: 'p', pull: 'q' }, session: sessionNames }
    const granted = (written: unknown[], job: Record<string, string>) => {
      const policy = policyOf(compileDocument(sources, rulesOf(...written), names))
      return decide(policy, 'github', job, scopes).access.flatMap(({ name, actions }) => actions.map((it) => it + name))
    }
    let unchanged = 0
    fc.assert(
      fc.property(list, list, claims, (before, after, job) => {
        expect(claimTexts(job).size).toBe(4)
        if (alone(rulesOf(...after), rulesOf(...before)).length > 0) return
        unchanged += 1
        const held = granted(before, job)
        expect(granted(after, job).filter((grant) => !held.includes(grant))).toEqual([])
      }),
      { numRuns: 1_500 },
    )
    expect(unchanged).toBeGreaterThan(50)
  })
})
