import { expect, test } from 'vitest'
import { foreignCode } from './foreign-code.ts'
import { parseRules } from './rules.ts'
import { parseSources } from './sources.ts'

const { sources } = parseSources(
  [
    { slug: 'github', platform: 'github' },
    { slug: 'gitlab', platform: 'gitlab' },
    { slug: 'ci', platform: 'oidc', issuer: 'https://ci.example.com' },
  ],
  'registry.example.com',
)

const advice = (source: string, claims: object, more: object = {}) =>
  parseRules({ source, claims, push: 'a', ...more }, sources)
    .findings.filter(({ code }) => code === 'foreign-code' || code === 'merge-requests')
    .map(({ severity, field }) => `${severity} ${field}`)

test.each<[string, object, string[]]>([
  ['the owner alone', {}, ['advice claims']],
  ['the default branch, which such jobs have as well', { ref: 'refs/heads/main' }, ['advice claims']],
  ['tags, which none of the events has', { ref: ['refs/tags/v*', 'refs/tags/*'] }, []],
  ['tags, said by their type', { ref_type: 'tag' }, []],
  ['tags and a branch', { ref: ['refs/tags/*', 'refs/heads/main'] }, ['advice claims']],
  ['an event that the own code starts', { event_name: 'push' }, []],
  ['several', { event_name: ['push', 'workflow_dispatch', 'release', 'schedule', 'merge_group'] }, []],
  ['pull_request_target', { event_name: ['push', 'pull_request_target'] }, ['advice claims.event_name']],
  ['workflow_run', { event_name: 'workflow_run' }, ['advice claims.event_name']],
  ['issue_comment', { event_name: 'issue_comment' }, ['advice claims.event_name']],
  ['a pattern that one of them fits', { event_name: 'pull_request*' }, ['advice claims.event_name']],
  ['another one', { event_name: ['*_run'] }, ['advice claims.event_name']],
  ['a pattern that none of them fits', { event_name: 'workflow_d*' }, []],
  ['an environment', { environment: 'production' }, []],
])('a GitHub rule with %s', (_, claims, findings) => {
  expect(advice('github', { repository_owner_id: '501', ...claims })).toEqual(findings)
})

test.each<[string, object, string[]]>([
  ['the project alone', {}, ['advice claims']],
  ['a source of the own code', { pipeline_source: ['push', 'web'] }, []],
  ['merge requests', { pipeline_source: ['push', 'merge_request_event'] }, ['advice claims.pipeline_source']],
  ['a pattern for them', { pipeline_source: '*_event' }, ['advice claims.pipeline_source']],
  ['child pipelines, which may be of one', { pipeline_source: 'parent_pipeline' }, ['advice claims.pipeline_source']],
  ['the project of the job itself', { job_project_id: '20' }, []],
  ['its namespace', { job_namespace_id: '72' }, []],
])('a GitLab rule with %s', (_, claims, findings) => {
  expect(advice('gitlab', { project_id: '20', ...claims })).toEqual(findings)
})

test('says which events match, and what helps', () => {
  const finding = foreignCode('github', { source: 'github', claims: { repository_id: ['1'] } })
  expect(finding?.wrong).toBe(
    'jobs of pull_request_target, workflow_run, issue_comment match, and such a job can run code from a fork',
  )
  expect(finding?.example).toMatch(/event_name: .*environment: /)
})

test('does not speak where everybody is meant, nor of platforms whose events are not known', () => {
  expect(advice('github', { repository: '**' }, { any: true })).toEqual([])
  expect(advice('ci', { sub: 'job' })).toEqual([])
})
