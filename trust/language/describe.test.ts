import { expect, test } from 'vitest'
import { rules, sources } from '../decision/policy.fixture.ts'
import { describeRules } from './describe.ts'
import { parseRules } from './rules.ts'

test('each rule is one line', () => {
  expect(describeRules(rules, sources)).toEqual([
    'push to {repository} and {repository}/**, pull {repository_owner}/**: GitHub repositories of owner 501 on main or a tag',
    'delete in {repository}, list the catalog: GitHub repositories with id 7',
    'push to {project_path}: GitLab projects in namespace 72 whose namespace is called acme',
  ])
})

test('a source with another name is named, and refs are distinguished', () => {
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
    'pull a, b and c: GitLab projects at own with id 20 on a branch or tag v1 in environment production started by push with sha a',
  ])
})

test.each([
  [
    { name: 'acme', id: '72', subgroups: true },
    [
      /^push to \{project_path\} .*: GitLab projects in namespace 72 whose namespace is called acme on a branch or a tag/,
      /^push to \{project_path\} .*: GitLab projects in subgroups of acme, which are matched by name on a branch/,
    ],
  ],
  ['acme', [/GitLab projects whose namespace is called acme or in subgroups of acme, which are matched by name on/]],
  [{ name: 'acme', id: '72' }, [/GitLab projects in namespace 72 whose namespace is called acme on/]],
])('a GitLab namespace says what its id pins: %j', (namespace, lines) => {
  const parsed = parseRules({ gitlab: { namespaces: [namespace] } }, sources)
  expect(describeRules(parsed.rules, sources)).toEqual(lines.map((line) => expect.stringMatching(line)))
})
