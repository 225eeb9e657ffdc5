/** The setting `clusterPulls` in the whole program: from a cluster's own keys to a source, a rule and a volume. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { authentikApi } from './authentik/api.ts'
import { json, list } from './authentik/authentik-api.fixture.ts'
import { changedKeys } from './authentik/changed-keys.ts'
import { clusterKey, type FakeCluster, ISSUER, published, startFakeCluster } from './kubernetes/cluster-api.fixture.ts'
import { example, useProgram } from './run-program.fixture.ts'

const { run, one, all, authentik } = useProgram()
let cluster: FakeCluster
beforeAll(async () => {
  cluster = await startFakeCluster()
})
beforeEach(() => {
  cluster.answers = published(ISSUER, 'key-1')
})
afterAll(() => cluster[Symbol.asyncDispose]())

const withCluster = (clusterPulls: unknown, more: object = {}) => ({
  ...example(),
  'kubernetes:kubeconfig': cluster.kubeconfig,
  'passwordless-registry:clusterPulls': clusterPulls,
  ...more,
})
const SOURCE = 'authentik:index/sourceOauth:SourceOauth'
const trustFile = () => JSON.parse(one('kubernetes:core/v1:ConfigMap', 'trust').inputs.data['trust.json'])
const ofCluster = () => trustFile().sources.find(({ slug }: { slug: string }) => slug === 'cluster')

describe('clusterPulls', () => {
  it('is one line: the cluster becomes a source with its own keys, and its pods pull what the owners push', async () => {
    const { trust } = await run(withCluster(['shop']))
    const source = one(SOURCE, 'docker-registry-cluster').inputs
    expect(JSON.parse(source.oidcJwks)).toEqual({ keys: [clusterKey('key-1')] })
    expect(source).not.toHaveProperty('oidcJwksUrl')
    expect(trust?.value).toContain('pull acme/**: service accounts of namespace shop')
    expect(ofCluster()).toMatchObject({
      issuer: ISSUER,
      audience: 'registry.example.com',
      rules: [{ number: 2, claims: [['sub', ['system:serviceaccount:shop:*']]], push: [], pull: ['acme/**'] }],
    })
    const keys = one('kubernetes:core/v1:ConfigMap', 'token-service-keys').inputs.data['issuer-keys.json']
    expect(JSON.parse(keys)).toContainEqual({ issuer: ISSUER, keys: { jwks: { keys: [clusterKey('key-1')] } } })
  })

  it('is only the source where it is true, and the rules name it', async () => {
    const rule = { kubernetes: { namespaces: 'shop', serviceAccounts: 'app', pull: 'acme/app' } }
    await run(withCluster(true, { 'passwordless-registry:trust': [rule] }))
    expect(ofCluster().rules).toEqual([
      expect.objectContaining({ claims: [['sub', ['system:serviceaccount:shop:app']]], pull: ['acme/app'] }),
    ])
  })

  it('brings the rule for pulls without login along', async () => {
    await run(withCluster(true, { 'passwordless-registry:anonymousPull': ['public/**'] }))
    expect(ofCluster().rules).toEqual([
      expect.objectContaining({
        claims: [['sub', ['system:serviceaccount:passwordless-registry:token-service']]],
        pull: ['public/**'],
      }),
    ])
    const { volumes } = one('kubernetes:apps/v1:Deployment', 'token-service').inputs.spec.template.spec
    const account = volumes.find(({ name }: { name: string }) => name === 'account')
    expect(account.projected.sources).toMatchObject([{ serviceAccountToken: { audience: 'registry.example.com' } }])
  })

  it('lets nodes ask for tokens for the audience of the registry, and for no other', async () => {
    const { kubeletCredentialProviderConfig: config } = await run(withCluster(['shop']))
    const { rules, metadata } = one('kubernetes:rbac.authorization.k8s.io/v1:ClusterRole', 'node-audience').inputs
    expect(rules).toEqual([
      { verbs: ['request-serviceaccounts-token-audience'], apiGroups: [''], resources: ['registry.example.com'] },
    ])
    const binding = one('kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding', 'node-audience').inputs
    expect(binding).toMatchObject({ roleRef: { name: metadata.name }, subjects: [{ name: 'system:nodes' }] })
    expect(parse(config?.value as string).providers[0].tokenAttributes).toMatchObject({
      serviceAccountTokenAudience: 'registry.example.com',
    })
  })

  it('lets the token service ask whether a token still counts, and nothing else of the API server', async () => {
    await run(withCluster(['shop']))
    const role = one('kubernetes:rbac.authorization.k8s.io/v1:ClusterRole', 'token-review').inputs
    expect(role.metadata.name).toBe('passwordless-registry:token-review')
    expect(role.rules).toEqual([
      { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
    ])
    const binding = one('kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding', 'token-review').inputs
    expect(binding).toMatchObject({
      roleRef: { kind: 'ClusterRole', name: role.metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: 'token-service', namespace: 'passwordless-registry' }],
    })
    const { containers, volumes, serviceAccountName } = one('kubernetes:apps/v1:Deployment', 'token-service').inputs
      .spec.template.spec
    expect(serviceAccountName).toBe('token-service')
    const { env, volumeMounts } = containers[0]
    const folder = volumeMounts.find(({ name }: { name: string }) => name === 'cluster').mountPath
    expect(env).toEqual(
      expect.arrayContaining([
        { name: 'CLUSTER_SOURCE', value: 'cluster' },
        { name: 'CLUSTER_FILES', value: folder },
      ]),
    )
    const { sources } = volumes.find(({ name }: { name: string }) => name === 'cluster').projected
    expect(sources).toEqual([
      { serviceAccountToken: { expirationSeconds: 3600, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    ])
  })

  it('asks nothing of the API server where only pods of other clusters pull', async () => {
    await run(withCluster([{ slug: 'edge', context: 'production', namespaces: ['shop'] }]))
    expect(all('kubernetes:rbac.authorization.k8s.io/v1:ClusterRole')).toEqual([])
    const { containers } = one('kubernetes:apps/v1:Deployment', 'token-service').inputs.spec.template.spec
    expect(containers[0].env.map(({ name }: { name: string }) => name)).not.toContain('CLUSTER_SOURCE')
  })

  it('asks for another audience where the entry of the cluster names one', async () => {
    const { kubeletCredentialProviderConfig: config } = await run(
      withCluster([{ audience: 'pods.example.com', namespaces: ['shop'] }]),
    )
    expect(ofCluster().audience).toBe('pods.example.com')
    expect(config?.value).toContain('serviceAccountTokenAudience: pods.example.com')
    expect(
      one('kubernetes:rbac.authorization.k8s.io/v1:ClusterRole', 'node-audience').inputs.rules[0].resources,
    ).toEqual(['pods.example.com'])
  })

  it('is off by default, and no cluster is asked who signs', async () => {
    cluster.asked.length = 0
    await run({ ...example(), 'kubernetes:kubeconfig': cluster.kubeconfig })
    // Which kinds it has is another question.
    expect(cluster.asked.filter((line) => !line.startsWith('/apis/'))).toEqual([])
    expect(all('kubernetes:rbac.authorization.k8s.io/v1:ClusterRole')).toEqual([])
    expect(all(SOURCE).map(({ name }) => name)).not.toContain('docker-registry-cluster')
  })

  it('stops, together with other mistakes, where the cluster does not say who signs', async () => {
    cluster.answers = {}
    const failed = run(withCluster(['shop'], { 'passwordless-registry:storageSize': 'big' }))
    await expect(failed).rejects.toThrow(/needs 2 corrections; nothing was changed/)
    await expect(failed).rejects.toThrow(
      /passwordless-registry:clusterPulls: the cluster of context "production" .* answers 404/,
    )
  })

  it('stops where two clusters have one issuer, as those of kubeadm have', async () => {
    const twice = run(withCluster(['shop', { slug: 'edge', context: 'production', namespaces: ['shop'] }]))
    await expect(twice).rejects.toThrow(/two sources have the issuer "https:\/\/kubernetes\.default\.svc/)
  })
})

describe('a preview', () => {
  const stored = (...kids: string[]) => {
    const source = { pk: 'uuid', consumer_key: 'unused', oidc_jwks: { keys: kids.map(clusterKey) } }
    authentik().answers['sources/oauth'] = (request, response, query) =>
      (query.get('slug') === 'docker-registry-cluster' ? list(source) : list())(request, response, query)
  }
  const warnings = async () => {
    const keys = { jwks: { keys: [clusterKey('key-1')] } }
    return changedKeys(authentikApi({ url: authentik().url, token: 't' }), [{ slug: 'cluster', keys }])
  }

  it('warns that the keys of the cluster have changed', async () => {
    stored('key-0')
    expect(await warnings()).toEqual([
      'The keys of source "cluster" have changed: authentik does not know "key-1" yet, so it refuses tokens signed with ' +
        'it, and still accepts "key-0". `pulumi up` fetches the current keys.',
    ])
  })

  it('says nothing where they are the same, or where the source is new', async () => {
    stored('key-1')
    expect(await warnings()).toEqual([])
    authentik().answers['sources/oauth'] = list()
    expect(await warnings()).toEqual([])
  })

  it('says that a key is no longer published', async () => {
    stored('key-0', 'key-1')
    expect(await warnings()).toEqual([expect.stringMatching(/have changed: authentik still accepts "key-0"\. `pulumi/)])
  })

  it('notices another key under the same name', async () => {
    const source = { pk: 'uuid', oidc_jwks: { keys: [{ ...clusterKey('key-1'), n: 'other' }] } }
    authentik().answers['sources/oauth'] = json({ pagination: {}, results: [source] })
    expect(await warnings()).toEqual([expect.stringContaining('does not know "key-1" yet')])
  })
})
