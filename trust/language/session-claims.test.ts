import { expect, test } from 'vitest'
import { sources } from '../decision/policy.fixture.ts'
import { parseRules } from './rules.ts'

const warnings = (...rules: object[]) =>
  parseRules(rules, sources).findings.filter(({ code }) => code === 'session-too-long')
const github = (claims: object, more: object = {}) => ({ source: 'github', claims, push: ['{repository}'], ...more })

test('the claims of the short forms fit, and so do whole texts', () => {
  expect(warnings({ github: { owners: ['acme'] } }, { gitlab: { namespaces: [{ name: 'acme', id: '72' }] } })).toEqual(
    [],
  )
  expect(
    warnings(github({ repository_owner_id: '501', job_workflow_ref: 'acme/ci/.github/workflows/a.yml@v1' })),
  ).toEqual([])
})

test('claims that could be too long together are a warning for their source', () => {
  const long = { repository_owner_id: '501', job_workflow_ref: 'acme/ci/**', ref: 'refs/heads/*' }
  const [warning, ...others] = warnings(github(long), github({ ...long, environment: 'pro*' }))
  expect(others).toEqual([])
  expect(warning).toMatchObject({ severity: 'warning', field: 'claims' })
  expect(warning?.wrong).toMatch(/source "github" use can take 1\d{3} bytes, but a session keeps only 1000/)
})

test('rules of different sources do not add up', () => {
  const many = { ref: 'refs/heads/*', sub: 'repo:acme/**' }
  expect(warnings(github({ repository_owner_id: '501', ...many }))).toEqual([])
  const gitlab = {
    source: 'gitlab',
    claims: { namespace_id: '72', ci_config_ref_uri: 'gitlab.com/acme/**' },
    pull: ['a'],
  }
  expect(warnings(github({ repository_owner_id: '501', ...many }), gitlab)).toEqual([])
})
