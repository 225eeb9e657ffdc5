import { describe, expect, test } from 'vitest'
import { parseRules } from './rules.ts'
import { parseSources } from './sources.ts'

const { sources } = parseSources(
  [
    { slug: 'github', platform: 'github' },
    { slug: 'gitlab', platform: 'gitlab' },
    { slug: 'oidc', platform: 'oidc', issuer: 'https://ci.example.com' },
  ],
  'registry.example.com',
)
const problem = (source: string, claims: object, more: object = {}) =>
  parseRules({ source, claims, push: 'a', ...more }, sources).findings.find(({ code }) => code === 'open-to-all')

describe('claims that do not identify an owner', () => {
  test.each<[string, object]>([
    ['oidc', { email_verified: true }],
    ['oidc', { email_verified: 'true', aud: 'registry.example.com' }],
    ['oidc', { is_member: true }],
    ['oidc', { aud: 'registry.example.com' }],
    ['oidc', { iss: 'https://ci.example.com' }],
    ['oidc', { exp: 2_000_000_000 }],
    ['oidc', { jti: 'a*', iat: '1*' }],
    ['oidc', { ref: 'refs/heads/main' }],
    ['oidc', { ref: 'refs/heads/main', event_name: 'push', environment: 'production' }],
    ['oidc', { sub: 'environment:production' }],
    ['oidc', { sub: ['ref:refs/heads/main', 'pull_request'] }],
    ['oidc', { sub: 'system:serviceaccount:*' }],
    ['oidc', { sub: 'system:serviceaccount:ci*:builder' }],
    ['oidc', { sub: 'system:serviceaccount:*-ci:builder' }],
    ['oidc', { sub: 'system:serviceaccount:*:*' }],
    ['oidc', { sub: 'system:serviceaccount:team-*' }],
    ['oidc', { sub: ['system:serviceaccount:ci:*', 'system:serviceaccount:-*:*'] }],
    ['oidc', { sub: ['job-of-acme', 'environment:production'] }],
    ['oidc', { repository: '*/app' }],
    ['oidc', { repository_owner_id: '5*' }],
    ['github', { sub: 'environment:production' }],
    ['github', { sub: 'ref:refs/heads/main' }],
    ['github', { sub: 'pull_request' }],
    ['github', { sub: 'job_workflow_ref:acme/ci/.github/workflows/a.yml@refs/heads/main' }],
    ['github', { sub: 'repo:*/app:ref:refs/heads/main' }],
    ['github', { sub: 'repo:acme*' }],
    ['github', { sub: 'repo:acme*:ref:refs/heads/main' }],
    ['github', { sub: 'repository_owner_id:50*' }],
    ['github', { sub: 'repository_id:1*:environment:production' }],
    ['github', { sub: 'environment:*:repo:acme/app' }],
    ['github', { sub: 'environment:repo:' }],
    ['github', { sub: ['repo:acme/app:ref:refs/heads/main', 'environment:production'] }],
    ['github', { ref: 'refs/heads/main' }],
    ['github', { ref_protected: true, runner_environment: 'github-hosted' }],
    ['github', { actor: 'octocat', actor_id: '1' }],
    ['gitlab', { sub: 'ref_type:branch:ref:main' }],
    ['gitlab', { sub: 'project_path:acme*/app:ref_type:branch:ref:main' }],
    ['gitlab', { sub: 'project_path:*' }],
    ['gitlab', { ref_path: 'refs/heads/main', environment_protected: true }],
    ['gitlab', { user_email: '*@example.com' }],
  ])('of %s are an error: %j', (source, claims) => {
    expect(problem(source, claims)).toMatchObject({ severity: 'error', field: 'claims' })
    expect(problem(source, claims, { any: true })).toBeUndefined()
  })

  test('are named', () => {
    expect(problem('oidc', { email_verified: true })?.wrong).toBe(
      'email_verified as written does not say whose job it is, so every job of https://ci.example.com matches',
    )
    expect(problem('github', { sub: 'environment:production' })?.wrong).toMatch(/^sub as written does not say/)
    expect(problem('github', { actor: 'octocat' })?.wrong).toMatch(/^none of these claims says whose job it is/)
  })
})

test.each<[string, object]>([
  ['oidc', { sub: 'system:serviceaccount:ci:*' }],
  ['oidc', { sub: 'system:serviceaccount:team-*:*' }],
  ['oidc', { sub: 'repo:acme/app:ref:refs/heads/main' }],
  ['oidc', { sub: 'environment:production:repo:acme/app' }],
  ['oidc', { sub: 'acme-builder', email_verified: true }],
  ['oidc', { email: '*@acme.example' }],
  ['oidc', { repository: 'acme/*' }],
  ['oidc', { organization_id: 42 }],
  ['github', { sub: 'repo:acme/app:environment:production' }],
  ['github', { sub: 'repo:acme/app:*' }],
  ['github', { sub: 'repo:acme/*' }],
  ['github', { sub: 'repo:acme@501/app@101:ref:refs/heads/main' }],
  ['github', { sub: 'environment:production:repository_owner_id:501' }],
  ['github', { sub: 'repository_id:101:*' }],
  ['github', { repository_owner: 'acme' }],
  ['gitlab', { sub: 'project_path:acme/app:ref_type:branch:ref:main' }],
  ['gitlab', { sub: 'project_path:acme/*' }],
  ['gitlab', { job_project_id: 20 }],
])('claims that identify an owner, at %s: %j', (source, claims) => {
  expect(problem(source, claims)).toBeUndefined()
})
