import { describe, expect, it } from 'vitest'
import { stackPolicy } from '../trust/language/stack-policy.ts'
import { type Seen, withoutNetworkPolicies, withoutTrustedProxies } from './cluster.ts'
import { checkRules, namesWithoutId, type RuleCheck, trustsEveryone, writesEverywhere } from './trust-rules.ts'

/** What the policy finds in rules as a stack has them. */
function found(rules: object[], check: RuleCheck): string[] {
  const stack = {
    'passwordless-registry:host': 'registry.example.com',
    'passwordless-registry:sources': [
      { slug: 'github', platform: 'github' },
      { slug: 'gitlab', platform: 'gitlab' },
    ],
    'passwordless-registry:trust': rules,
  }
  const project = 'config:\n  sessionHours: { type: integer, default: 6 }\n'
  const { policy, findings } = stackPolicy(project, `config: ${JSON.stringify(stack)}\n`)
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
  return checkRules(JSON.stringify(policy?.document), check)
}

const byId = { source: 'github', claims: { repository_owner_id: '501', ref: 'refs/heads/*' }, push: ['acme/**'] }

describe('rules', () => {
  it.each([
    ['short forms', { github: { owners: [{ name: 'acme', id: '501' }] } }],
    ['ids and a prefix', byId],
    ['a name beside an id', { ...byId, claims: { ...byId.claims, repository: 'acme/app' } }],
  ])('of %s are left alone', (_, rule) => {
    for (const check of [trustsEveryone, writesEverywhere, namesWithoutId]) expect(found([rule], check)).toEqual([])
  })

  it('that trust everyone are found', () => {
    const rules = [byId, { source: 'gitlab', claims: { ref_type: 'tag' }, any: true, pull: ['public/**'] }]
    expect(found(rules, trustsEveryone)).toEqual([
      'rule 2 of source gitlab trusts everyone who can run a job at https://gitlab.com; name an owner by id instead of any: true',
    ])
  })

  it.each([[{ push: ['**'] }], [{ push: ['acme/**'], delete: ['*/**'] }]])(
    'that write everywhere are found: %j',
    (more) => {
      expect(found([{ ...byId, ...more }], writesEverywhere)).toEqual([
        expect.stringContaining('which is every repository'),
      ])
    },
  )

  it('that name an owner by name alone are found', () => {
    const rule = { source: 'github', claims: { repository_owner: 'acme', ref: 'refs/heads/*' }, push: ['acme/**'] }
    expect(found([rule], namesWithoutId)).toEqual([
      'rule 1 of source github names its owner by repository_owner alone; add enterprise_id or repository_id or repository_owner_id',
    ])
  })

  it.each(['{}', 'no JSON', undefined])('that are not understood are forbidden: %s', (attributes) => {
    expect(checkRules(attributes, trustsEveryone)).toEqual([expect.stringContaining('not a document')])
  })
})

describe('the cluster', () => {
  const service = (env: object[]): Seen => ({
    type: 'kubernetes:apps/v1:Deployment',
    name: 'token-service',
    props: { spec: { template: { spec: { containers: [{ env }] } } } },
  })
  const other = (type: string): Seen => ({ type: `kubernetes:${type}`, name: 'registry', props: {} })
  const ingress = other('networking.k8s.io/v1:Ingress')
  const policy = other('networking.k8s.io/v1:NetworkPolicy')
  const known = service([{ name: 'TRUSTED_PROXIES', value: '10.0.0.0/8' }])

  it('needs network policies', () => {
    expect(withoutNetworkPolicies([known, ingress])).toContain('networkPolicies')
    expect(withoutNetworkPolicies([known, policy])).toBeUndefined()
  })

  it.each([ingress, other('gateway.networking.k8s.io/v1:HTTPRoute')])('needs trusted proxies behind %j', (way) => {
    expect(withoutTrustedProxies([service([{ name: 'HOST', value: 'x' }]), way])).toContain('trustedProxies')
    expect(withoutTrustedProxies([known, way])).toBeUndefined()
  })

  it('needs none where the stack makes no way in', () => {
    expect(withoutTrustedProxies([service([])])).toBeUndefined()
  })
})
