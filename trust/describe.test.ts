import { expect, test } from 'vitest'
import { describeRules } from './describe.ts'
import { rules, sources } from './policy.fixture.ts'
import { parseRules } from './rules.ts'

test('each rule is one line', () => {
  expect(describeRules(rules, sources)).toEqual([
    'GitHub repositories of owner 501 on main or a tag: push to {repository} and {repository}/**, pull {repository_owner}/**',
    'GitHub repositories with id 7: delete in {repository}, list the catalog',
    'GitLab projects in namespace 72 whose namespace is called acme: push to {project_path}',
  ])
})

test('a source of another name is named, and refs are told apart', () => {
  const own = [
    { slug: 'own', platform: 'gitlab', issuer: 'https://a', audience: 'a', keys: { jwksUrl: 'https://a' } },
  ] as const
  const claims = {
    project_id: '20',
    ref_path: ['refs/heads/**', 'refs/tags/v1'],
    environment: 'production',
    pipeline_source: 'push',
    sha: 'a',
  }
  const parsed = parseRules({ source: 'own', claims, pull: ['a', 'b', 'c'] }, own)
  expect(describeRules(parsed.rules, own)).toEqual([
    'GitLab projects at own with id 20 on a branch or tag v1 in environment production started by push with sha a: pull a, b and c',
  ])
})
