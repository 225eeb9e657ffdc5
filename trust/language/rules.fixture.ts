/** Rules read against a source of each platform. */
import { parseRules } from './rules.ts'
import { parseSources } from './sources.ts'

const { sources } = parseSources(
  [
    { slug: 'github', platform: 'github' },
    { slug: 'gitlab', platform: 'gitlab' },
    { slug: 'cluster', platform: 'oidc', issuer: 'https://kubernetes.default.svc' },
  ],
  'registry.example.com',
)
/** Rules as the stack's config has them. */
export const parse = (value: unknown) => parseRules(value, sources)
/** A rule without a mistake. */
export const good = {
  source: 'github',
  claims: { repository_owner_id: '501', ref: ['refs/heads/main', 'refs/tags/*'], event_name: 'push' },
  push: ['{repository}', '{repository}/**'],
  pull: ['{repository_owner}/**'],
}
