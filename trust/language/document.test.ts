import { describe, expect, test } from 'vitest'
import { document, rules, sources } from '../decision/policy.fixture.ts'
import { loadPolicy } from '../decision/policy.ts'
import { auditClaims } from '../platforms/platform-claims.ts'
import { compileDocument, sessionNames } from './document.ts'
import { claimsInUse } from './rules.ts'

describe('the document', () => {
  test('is the same for the same rules', () => {
    const names = { application: 'docker-registry', groups: document.groups, session: sessionNames }
    expect(JSON.stringify(compileDocument(sources, rules, names))).toBe(JSON.stringify(document))
  })
  test('holds for each source its rules, whole texts first', () => {
    expect(document.sources[0]).toMatchObject({
      slug: 'github',
      authentikSlug: 'docker-registry-github',
      issuer: 'https://token.actions.githubusercontent.com',
      audience: 'registry.example.com',
      rules: [
        {
          number: 1,
          claims: [
            ['repository_owner_id', ['501']],
            ['ref', ['refs/heads/main', 'refs/tags/*']],
          ],
        },
        { number: 2, claims: [['repository_id', ['7']]], delete: ['{repository}'], catalog: true },
      ],
    })
    expect(document.sources[1]?.rules).toMatchObject([{ number: 3 }])
  })
  test('says which claims a session keeps: those of rules and templates, and those that find the job', () => {
    expect(document.session.claims).toEqual(
      expect.arrayContaining(['repository_owner_id', 'repository_owner', 'namespace_path', 'run_id', 'iss', 'sub']),
    )
    expect(document.session.claims).toEqual([...new Set(document.session.claims)])
    const others = document.session.claims.slice(claimsInUse(rules).length)
    expect(others).toEqual(auditClaims.filter((claim) => !claimsInUse(rules).includes(claim)))
    // What names the job as the registry's actor goes in before all that only helps.
    expect(others.indexOf('run_id')).toBeLessThan(others.indexOf('actor'))
  })
  test('comes back from JSON unharmed, whatever stands in a rule', () => {
    const hostile = `'''"\\\n{}*\u{1f600}`
    const harmed = compileDocument(
      sources,
      rules.map((rule) => ({ ...rule, claims: [['ref', [hostile]]] })),
      document as never,
    )
    expect(loadPolicy(JSON.parse(JSON.stringify(harmed)))?.document).toEqual(harmed)
  })
})

describe('a document that is not understood', () => {
  const [github] = document.sources
  const [rule] = github?.rules ?? []
  test.each([
    ['nothing', undefined],
    ['null', null],
    ['no document', {}],
    ['another version', { ...document, version: 2 }],
    ['true for a version', { ...document, version: true }],
    ['no sources', { ...document, sources: undefined }],
    ['no groups', { ...document, groups: {} }],
    ['an empty group', { ...document, groups: { push: '', pull: 'a' } }],
    ['patterns as one text', { ...document, sources: [{ ...github, rules: [{ ...rule, claims: [['ref', '*']] }] }] }],
    ['a rule without claims', { ...document, sources: [{ ...github, rules: [{ ...rule, claims: [] }] }] }],
    ['names as one text', { ...document, sources: [{ ...github, rules: [{ ...rule, push: '**' }] }] }],
    ['a catalog that is text', { ...document, sources: [{ ...github, rules: [{ ...rule, catalog: 'no' }] }] }],
  ])('%s', (_, value) => {
    expect(loadPolicy(value)).toBeUndefined()
  })
})
