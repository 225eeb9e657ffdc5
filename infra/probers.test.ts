/** The setting `probers` in the whole program: two accounts, a rule for one of them, and pods that may do little. */
import { describe, expect, it } from 'vitest'
import { ISSUER } from './kubernetes/cluster-api.fixture.ts'
import { PROBE_REPOSITORY } from './kubernetes/prober-accounts.ts'
import { example, useProgram } from './run-program.fixture.ts'

const { run, all, one } = useProgram()
const DEPLOYMENT = 'kubernetes:apps/v1:Deployment'
const POLICY = 'kubernetes:networking.k8s.io/v1:NetworkPolicy'
const names = ['prober', 'prober-stranger']
const withProbers = (more: object = {}) => ({ ...example(), 'passwordless-registry:probers': true, ...more })
const ofCluster = () =>
  JSON.parse(one('kubernetes:core/v1:ConfigMap', 'trust').inputs.data['trust.json']).sources.find(
    ({ slug }: { slug: string }) => slug === 'cluster',
  )
const rule = {
  claims: [['sub', ['system:serviceaccount:passwordless-registry:prober']]],
  push: [PROBE_REPOSITORY],
  delete: [PROBE_REPOSITORY],
  catalog: false,
}

describe('probers', () => {
  it('are not there by default', async () => {
    await run(example())
    expect(all(DEPLOYMENT).map(({ name }) => name)).toEqual(expect.not.arrayContaining(names))
    expect(all(POLICY).map(({ name }) => name)).toEqual(expect.not.arrayContaining(names))
    expect(ofCluster()).toBeUndefined()
  })

  it('are one line: the cluster becomes a source, with a rule for one account and none for the other', async () => {
    await run(withProbers())
    expect(ofCluster()).toMatchObject({ issuer: ISSUER, audience: 'registry.example.com', rules: [rule] })
    for (const name of names) {
      const { spec } = one(DEPLOYMENT, name).inputs
      expect(spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } })
      const pod = spec.template.spec
      expect(pod).toMatchObject({ serviceAccountName: name, automountServiceAccountToken: false })
      expect(pod.volumes[1].projected.sources).toEqual([
        { serviceAccountToken: { path: 'token', audience: 'registry.example.com', expirationSeconds: 3600 } },
      ])
      const [container] = pod.containers
      expect(container.securityContext.readOnlyRootFilesystem).toBe(true)
      expect(container.resources.limits.memory).toBe('128Mi')
      expect(container.env).toContainEqual({ name: 'PROBER', value: name === 'prober' ? 'owner' : 'stranger' })
      expect(container.env).toContainEqual({ name: 'TOKEN_URL', value: 'http://token-service:9001/token' })
      expect(one('kubernetes:core/v1:ServiceAccount', name).inputs.automountServiceAccountToken).toBe(false)
    }
  })

  it('reach the token service and the registry, and nothing else', async () => {
    await run(withProbers({ 'passwordless-registry:ingressNamespace': 'traefik' }))
    const pod = (name: string) => ({ podSelector: { matchLabels: expect.objectContaining(labelled(name)) } })
    for (const name of names) {
      const { ingress, egress } = one(POLICY, name).inputs.spec
      expect(ingress).toEqual([{ ports: [{ protocol: 'TCP', port: 9002 }], from: [{ namespaceSelector: {} }] }])
      expect(egress.slice(1)).toEqual([
        { ports: [{ protocol: 'TCP', port: 9001 }], to: [pod('token-service')] },
        { ports: [{ protocol: 'TCP', port: 5000 }], to: [pod('registry')] },
      ])
      for (const there of ['token-service', 'registry'])
        expect(one(POLICY, there).inputs.spec.ingress[0].from).toContainEqual(pod(name))
    }
  })

  it('leave the pulls of other pods as they are', async () => {
    await run(withProbers({ 'passwordless-registry:clusterPulls': ['shop'] }))
    expect(ofCluster().rules).toMatchObject([{ pull: ['acme/**'] }, rule])
  })

  it('want a rule where a person wrote the source', async () => {
    const jwks = { keys: [{ kid: '1', kty: 'RSA', n: 'AQAB', e: 'AQAB' }] }
    const cluster = { slug: 'cluster', platform: 'oidc', issuer: 'https://cluster.example.com', jwks }
    const sources = { 'passwordless-registry:sources': [cluster], 'passwordless-registry:trust': [] }
    await expect(run(withProbers(sources))).rejects.toThrow(
      /probers: expected a rule that lets the prober push.*Add to trust: \{ source: cluster, claims: \{ sub: "system:serviceaccount:passwordless-registry:prober" \}/s,
    )
    await run(
      withProbers({
        ...sources,
        'passwordless-registry:sources': [{ ...cluster, audience: 'own.example.com' }],
        'passwordless-registry:trust': [
          {
            source: 'cluster',
            claims: { sub: 'system:serviceaccount:passwordless-registry:prober' },
            push: ['probe/**'],
          },
        ],
      }),
    )
    const { volumes } = one(DEPLOYMENT, 'prober').inputs.spec.template.spec
    expect(volumes[1].projected.sources[0].serviceAccountToken.audience).toBe('own.example.com')
  })
})

function labelled(name: string) {
  return { 'app.kubernetes.io/name': name }
}
