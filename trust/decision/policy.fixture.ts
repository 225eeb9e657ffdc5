/** The rules that the tests of decisions share. */
import { compileDocument, sessionNames } from '../language/document.ts'
import { parseRules } from '../language/rules.ts'
import { parseSources } from '../language/sources.ts'
import { loadPolicy, type Policy } from './policy.ts'

export const audience = 'registry.example.com'

export const { sources } = parseSources(
  [
    { slug: 'github', platform: 'github' },
    { slug: 'gitlab', platform: 'gitlab' },
  ],
  audience,
)

export const { rules } = parseRules(
  [
    {
      source: 'github',
      claims: { repository_owner_id: '501', ref: ['refs/heads/main', 'refs/tags/*'] },
      push: ['{repository}', '{repository}/**'],
      pull: ['{repository_owner}/**'],
    },
    { source: 'github', claims: { repository_id: '7' }, delete: ['{repository}'], catalog: true },
    { source: 'gitlab', claims: { namespace_id: '72', namespace_path: 'acme' }, push: ['{project_path}'] },
  ],
  sources,
)

export const document = compileDocument(sources, rules, {
  application: 'docker-registry',
  groups: { push: 'acl_docker_push', pull: 'acl_docker_pull' },
  session: sessionNames,
})

export function policyOf(value: unknown): Policy {
  const policy = loadPolicy(value)
  if (policy === undefined) throw new Error('the document is not understood')
  return policy
}

export const policy = policyOf(document)

/** What GitHub would say of a job on main. */
export const githubClaims = {
  iss: 'https://token.actions.githubusercontent.com',
  sub: 'repo:Acme/App:ref:refs/heads/main',
  repository: 'Acme/App',
  repository_id: '101',
  repository_owner: 'Acme',
  repository_owner_id: '501',
  ref: 'refs/heads/main',
}
