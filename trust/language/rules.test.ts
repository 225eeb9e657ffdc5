import { describe, expect, test } from 'vitest'
import { findingText } from './findings.ts'
import { good, parse } from './rules.fixture.ts'
import { claimsInUse } from './rules.ts'

describe('rules', () => {
  test('are read as they are written', () => {
    expect(parse([good])).toEqual({
      findings: [],
      rules: [
        {
          number: 1,
          source: 'github',
          claims: [
            ['repository_owner_id', ['501']],
            ['ref', ['refs/heads/main', 'refs/tags/*']],
            ['event_name', ['push']],
          ],
          push: ['{repository}', '{repository}/**'],
          pull: ['{repository_owner}/**'],
          delete: [],
          catalog: false,
        },
      ],
    })
  })
  test('may be none', () => {
    expect(parse(undefined)).toEqual({ rules: [], findings: [] })
    expect(parse([])).toEqual({ rules: [], findings: [] })
  })
  test('take whole numbers and booleans as their text, as the command line of Pulumi writes them', () => {
    const [rule] = parse([{ ...good, claims: { repository_owner_id: 501, ref_protected: true } }]).rules
    expect(rule?.claims).toEqual([
      ['repository_owner_id', ['501']],
      ['ref_protected', ['true']],
    ])
  })
  test('take one name in place of a list', () => {
    expect(parse([{ ...good, push: '{repository}', pull: undefined }]).rules[0]).toMatchObject({
      push: ['{repository}'],
      pull: [],
    })
  })
  test('say which claims they use', () => {
    expect(claimsInUse(parse([good]).rules)).toEqual([
      ...['event_name', 'ref', 'repository', 'repository_owner', 'repository_owner_id'],
    ])
  })
  test('accept an issuer that is neither GitHub nor GitLab, by any claim', () => {
    const claims = { sub: 'system:serviceaccount:ci:*' }
    expect(parse([{ source: 'cluster', claims, push: 'ci/**' }]).findings).toEqual([])
  })
  test('accept everybody where that is said', () => {
    expect(parse([{ source: 'github', claims: { repository: '**' }, pull: 'public/**', any: true }]).findings).toEqual([
      expect.objectContaining({ severity: 'advice' }),
    ])
  })
})

describe('a mistake', () => {
  const { source, claims, push } = good
  const long = 'a'.repeat(513)
  test.each([
    ['unknown source', { ...good, source: 'githib' }, 'source-unknown', 'source', 'error'],
    ['missing source', { claims, push }, 'field-invalid', 'source', 'error'],
    ['unknown field', { ...good, pushes: ['a'] }, 'field-unknown', 'pushes', 'error'],
    ['empty claims', { source, claims: {}, push }, 'claims-missing', 'claims', 'error'],
    ['no claims', { source, push }, 'claims-missing', 'claims', 'error'],
    ['claims as a list', { source, claims: ['a'], push }, 'claims-missing', 'claims', 'error'],
    [
      'the claim __proto__',
      { source, claims: JSON.parse('{"__proto__":"a"}'), push },
      'claims-missing',
      'claims',
      'error',
    ],
    ['an empty list of patterns', { ...good, claims: { ...claims, ref: [] } }, 'field-invalid', 'claims.ref', 'error'],
    ['an empty pattern', { ...good, claims: { ...claims, ref: '' } }, 'field-invalid', 'claims.ref.0', 'error'],
    ['a fraction', { ...good, claims: { ...claims, ref: 1.5 } }, 'field-invalid', 'claims.ref.0', 'error'],
    ['a long pattern', { ...good, claims: { ...claims, ref: long } }, 'field-invalid', 'claims.ref.0', 'error'],
    ['a misspelt claim', { ...good, claims: { ...claims, reff: 'a' } }, 'claim-unknown', 'claims.reff', 'error'],
    [
      'a claim of GitLab',
      { ...good, claims: { ...claims, project_id: '1' } },
      'claim-unknown',
      'claims.project_id',
      'error',
    ],
    ['a template over a claim never sent', { ...good, push: ['{project_path}'] }, 'claim-unknown', 'push', 'error'],
    ['everything', { ...good, claims: { ...claims, ref: '**' } }, 'matches-everything', 'claims.ref', 'error'],
    [
      'everything in two parts',
      { ...good, claims: { ...claims, repository: '*/*' } },
      'matches-everything',
      'claims.repository',
      'error',
    ],
    ['no owner in particular', { ...good, claims: { ref: 'refs/heads/main' } }, 'open-to-all', 'claims', 'error'],
    ['an owner like another', { ...good, claims: { repository: 'acme*/app' } }, 'open-to-all', 'claims', 'error'],
    ['part of an id', { ...good, claims: { repository_owner_id: '50*' } }, 'open-to-all', 'claims', 'error'],
    [
      'a public workflow',
      { ...good, claims: { job_workflow_ref: 'acme/ci/x.yml@refs/heads/main' } },
      'open-to-all',
      'claims',
      'error',
    ],
    ['three stars', { ...good, push: ['acme/***'] }, 'wildcard-invalid', 'push', 'error'],
    [
      'nine wildcards',
      { ...good, claims: { ...claims, ref: 'a*'.repeat(9) } },
      'wildcard-invalid',
      'claims.ref',
      'error',
    ],
    ['a control character', { ...good, claims: { ...claims, ref: 'a\n' } }, 'pattern-invalid', 'claims.ref', 'error'],
    ['half a character', { ...good, claims: { ...claims, ref: 'a\ud83d' } }, 'pattern-invalid', 'claims.ref', 'error'],
    ['upper case', { ...good, push: ['Acme/{ref}'] }, 'name-upper-case', 'push', 'error'],
    ['no repository name', { ...good, pull: ['acme//app'] }, 'name-invalid', 'pull', 'error'],
    ['an open brace', { ...good, delete: ['{repository'] }, 'name-invalid', 'delete', 'error'],
    ['nothing granted', { source, claims }, 'grants-nothing', 'push', 'error'],
    ['a catalog that is text', { ...good, catalog: 'yes' }, 'field-invalid', 'catalog', 'error'],
    ['no rule at all', 'github', 'field-invalid', '', 'error'],
    ['sub', { ...good, claims: { ...claims, sub: 'repo:acme/app:*' } }, 'matches-sub', 'claims.sub', 'warning'],
    ['a push to everywhere', { ...good, push: ['**'] }, 'reaches-everything', 'push', 'warning'],
    ['a wildcard right after a claim', { ...good, push: ['{repository}*'] }, 'wildcard-after-claim', 'push', 'warning'],
    [
      'a name without its id',
      { ...good, claims: { repository: 'acme/app' } },
      'name-without-id',
      'claims.repository',
      'advice',
    ],
  ])('%s', (_, rule, code, field, severity) => {
    const { findings, rules } = parse([good, rule])
    const finding = findings.find((candidate) => candidate.code === code)
    expect(finding).toMatchObject({ severity, rule: 2, field })
    expect(finding?.wrong).not.toBe('')
    expect(finding?.example).not.toBe('')
    expect(rules).toHaveLength(severity === 'error' ? 0 : 2)
  })

  test('is reported with all the others at once, each with its rule', () => {
    const { findings } = parse([
      { ...good, source: 'x' },
      good,
      { ...good, pusch: [] },
      { ...good, push: ['A'], pull: ['B'] },
    ])
    expect(findings.map(({ rule, code }) => [rule, code])).toEqual([
      [1, 'source-unknown'],
      [3, 'field-unknown'],
      [4, 'name-upper-case'],
      [4, 'name-upper-case'],
    ])
  })

  test('reads as one line, with what is right', () => {
    const [finding] = parse([{ ...good, claims: { ...claims, reff: 'a' } }]).findings
    expect(finding && findingText(finding)).toBe(
      'error: rule 1, claims.reff: tokens of github do not contain a claim "reff", so this never matches; use instead: ref: ...',
    )
  })

  test('names what was probably meant', () => {
    const [finding] = parse([{ ...good, pusch: ['a'] }]).findings
    expect(finding?.wrong).toContain('did you mean "push"?')
  })

  test('too many rules, too many different claims', () => {
    expect(parse(Array.from({ length: 5_001 }, () => good)).findings).toMatchObject([{ code: 'too-many-rules' }])
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`claim${index}`, 'a']))
    const { findings } = parse([{ source: 'cluster', claims: many, push: 'a' }])
    expect(findings).toMatchObject([{ code: 'too-many-claims' }])
  })
})
