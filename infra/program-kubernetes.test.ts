/** The Kubernetes half of the program under Pulumi's mocks. */
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { nodeOptions } from '../service/bundle.ts'
import { CERTIFICATE, PRIVATE_KEY } from './program.fixture.ts'
import { example, stackFile, useProgram } from './run-program.fixture.ts'

const { run, all, one } = useProgram()

describe('Kubernetes', () => {
  const containerOf = (name: string) => one('kubernetes:apps/v1:Deployment', name).inputs.spec.template.spec

  it('runs the token service from its bundle, twice, within the restricted standard', async () => {
    await run({ ...stackFile('local'), 'authentik:token': 'token' })
    const files = one('kubernetes:core/v1:ConfigMap', 'token-service').inputs
    expect(files.metadata.name).toMatch(/^token-service-[0-9a-f]{10}$/)
    expect(Object.keys(files.data).sort()).toEqual(
      ['token-service.mjs', 'token-service.mjs.map', 'THIRD-PARTY-LICENSES.txt'].sort(),
    )
    expect(files.data['token-service.mjs'].length).toBeGreaterThan(1000)

    const { inputs } = one('kubernetes:apps/v1:Deployment', 'token-service')
    expect(inputs.spec.replicas).toBe(2)
    const pod = inputs.spec.template.spec
    expect(pod).toMatchObject({ automountServiceAccountToken: false, securityContext: { runAsNonRoot: true } })
    expect(pod.containers[0]).toMatchObject({
      image: 'local/node:24',
      command: ['node', ...nodeOptions, '/srv/token-service/token-service.mjs'],
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      env: expect.arrayContaining([
        { name: 'TOKEN_URL', value: 'http://authentik.outside-world.svc.cluster.local:9000/application/o/token/' },
        { name: 'CLIENT_ID', value: 'docker-registry' },
        { name: 'SCOPE', value: 'docker-registry' },
        { name: 'TRUST_FILE', value: '/etc/token-service/trust/trust.json' },
        { name: 'ISSUER_KEYS_FILE', value: '/etc/token-service/keys/issuer-keys.json' },
        { name: 'REGISTRY_JWKS_FILE', value: '/etc/token-service/keys/registry-jwks.json' },
        {
          name: 'JWKS_URL',
          value: 'http://authentik.outside-world.svc.cluster.local:9000/application/o/docker-registry/jwks/',
        },
        { name: 'SESSION_CLIENT_ID', value: 'ci-session' },
        { name: 'SESSION_SCOPE', value: 'ci-session' },
        { name: 'PASS_JWT_USERNAME', value: 'JWT' },
      ]),
      readinessProbe: { httpGet: { path: '/ready', port: 'metrics' } },
      livenessProbe: { httpGet: { path: '/live', port: 'metrics' } },
    })
    expect(pod.volumes[0].configMap.name).toBe(files.metadata.name)
    // The rules: under a fixed name and as a folder, so that a change reaches the running pods.
    expect(one('kubernetes:core/v1:ConfigMap', 'trust').inputs.metadata.name).toBe('token-service-trust')
    expect(pod.volumes[1]).toEqual({ name: 'trust', configMap: { name: 'token-service-trust' } })
    expect(pod.containers[0].volumeMounts[1]).toEqual({
      name: 'trust',
      mountPath: '/etc/token-service/trust',
      readOnly: true,
    })
    expect(one('kubernetes:policy/v1:PodDisruptionBudget').inputs.spec.maxUnavailable).toBe(1)
  })

  it('tells the token service where the keys of the platforms are, and which the registry trusts', async () => {
    const { jwks } = await run(example())
    const files = one('kubernetes:core/v1:ConfigMap', 'token-service-keys').inputs
    expect(files.metadata.name).toMatch(/^token-service-keys-[0-9a-f]{10}$/)
    expect(JSON.parse(files.data['issuer-keys.json'])).toEqual([
      {
        issuer: 'https://token.actions.githubusercontent.com',
        keys: { jwksUrl: 'https://token.actions.githubusercontent.com/.well-known/jwks' },
      },
      { issuer: 'https://gitlab.com', keys: { wellKnownUrl: 'https://gitlab.com/.well-known/openid-configuration' } },
    ])
    const der = CERTIFICATE.replaceAll(/-----.*|\s/g, '')
    const dated = JSON.parse(String(jwks?.value)).keys.map((key: object) => ({ ...key, x5c: [der] }))
    expect(JSON.parse(files.data['registry-jwks.json'])).toEqual({ keys: dated })
  })

  it('names the proxies that the stack trusts, and none by default', async () => {
    const names = () => containerOf('token-service').containers[0].env.map(({ name }: { name: string }) => name)
    await run(example())
    expect(names()).not.toContain('TRUSTED_PROXIES')
  })

  it('believes the proxies that the stack names', async () => {
    await run({ ...example(), 'passwordless-registry:trustedProxies': ['10.0.0.0/8', 'fd00::1'] })
    expect(containerOf('token-service').containers[0].env).toContainEqual({
      name: 'TRUSTED_PROXIES',
      value: '10.0.0.0/8,fd00::1',
    })
  })

  it.each([
    [undefined, 'on'],
    [false, 'off'],
  ])(
    'tells a client why it is refused, unless the stack wants lesser tokens: %s',
    async (explainRefusedPush, value) => {
      const given =
        explainRefusedPush === undefined ? {} : { 'passwordless-registry:explainRefusedPush': explainRefusedPush }
      await run({ ...example(), ...given })
      expect(containerOf('token-service').containers[0].env).toContainEqual({ name: 'EXPLAIN_REFUSED_PUSH', value })
    },
  )

  it.each([
    ['5', 5],
    ['0', 2],
  ])('runs replicas: %s as %i pods at first', async (replicas, pods) => {
    await run({ ...example(), 'passwordless-registry:replicas': replicas })
    expect(one('kubernetes:apps/v1:Deployment', 'token-service').inputs.spec.replicas).toBe(pods)
  })

  const cluster = {
    slug: 'cluster',
    platform: 'oidc',
    issuer: 'https://kubernetes.default.svc',
    jwks: { keys: [{ kid: '1', kty: 'RSA', n: 'AQAB', e: 'AQAB' }] },
  }
  const open = { 'passwordless-registry:anonymousPull': ['public/**', 'acme/base'] }

  it('opens named repositories in the name of an account of its own, whose token Kubernetes renews', async () => {
    const claims = { sub: 'system:serviceaccount:passwordless-registry:token-service' }
    await run({
      ...example(),
      ...open,
      'passwordless-registry:sources': [{ slug: 'github', platform: 'github' }, cluster],
      'passwordless-registry:trust': [{ source: 'cluster', claims, pull: ['public/**', 'acme/base'] }],
    })
    expect(one('kubernetes:core/v1:ServiceAccount', 'token-service').inputs).toMatchObject({
      metadata: { name: 'token-service' },
      automountServiceAccountToken: false,
    })
    const pod = containerOf('token-service')
    expect(pod).toMatchObject({ serviceAccountName: 'token-service', automountServiceAccountToken: false })
    expect(pod.containers[0].env).toEqual(
      expect.arrayContaining([
        { name: 'ANON_KUBE_JWT', value: '/var/run/secrets/registry/token' },
        { name: 'ANON_REPOSITORIES', value: 'public/**,acme/base' },
      ]),
    )
    expect(pod.volumes.at(-1).projected.sources).toEqual([
      { serviceAccountToken: { audience: 'registry.example.com', expirationSeconds: 3600, path: 'token' } },
    ])
  })

  it('asks Kubernetes for a token of the audience that the source of the cluster has', async () => {
    await run({
      ...example(),
      ...open,
      'passwordless-registry:sources': [
        { slug: 'github', platform: 'github' },
        { ...cluster, audience: 'of-its-own' },
      ],
      'passwordless-registry:trust': [
        {
          source: 'cluster',
          claims: { sub: 'system:serviceaccount:passwordless-registry:token-service' },
          pull: ['**'],
        },
      ],
    })
    expect(containerOf('token-service').volumes.at(-1).projected.sources).toMatchObject([
      { serviceAccountToken: { audience: 'of-its-own' } },
    ])
  })

  it('opens nothing by default, and stops where no rule lets the account of the token service pull', async () => {
    await run(example())
    const pod = containerOf('token-service')
    expect(pod.containers[0].env.map(({ name }: { name: string }) => name)).not.toContain('ANON_KUBE_JWT')
    expect(pod.volumes.map(({ name }: { name: string }) => name)).not.toContain('account')
    // The account is there all the same: its name cannot be taken off a Deployment again.
    expect(one('kubernetes:core/v1:ServiceAccount', 'token-service').inputs.metadata.name).toBe('token-service')
    expect(pod.serviceAccountName).toBe('token-service')
    await expect(run({ ...example(), ...open })).rejects.toThrow(
      /anonymousPull: expected a rule .*claims: { sub: "system:serviceaccount:passwordless-registry:token-service" }/s,
    )
  })

  it('runs the image of the token service instead, if there is one', async () => {
    await run({ ...example(), 'passwordless-registry:image': 'example.com/token-service:1' })
    const pod = containerOf('token-service')
    expect(pod.containers[0].image).toBe('example.com/token-service:1')
    expect(pod.containers[0].command).toBeUndefined()
    expect(pod.volumes.map(({ name }: { name: string }) => name)).toEqual(['trust', 'keys', 'clean-up'])
    const files = all('kubernetes:core/v1:ConfigMap').map(({ name }) => name)
    expect(files.toSorted()).toEqual(['dashboard', 'registry', 'token-service-keys', 'trust'])
  })

  it('gives the registry its configuration, the keys that it trusts and a volume', async () => {
    const { jwks } = await run(example())
    const files = one('kubernetes:core/v1:ConfigMap', 'registry').inputs.data
    expect(parse(files['config.yml'])).toMatchObject({
      auth: {
        token: {
          realm: 'https://registry.example.com/token',
          service: 'docker-registry',
          issuer: 'https://authentik.example.com/',
          signingalgorithms: ['ES256'],
        },
      },
      storage: { delete: { enabled: true } },
    })
    expect(files['jwks.json']).toBe(jwks?.value)
    expect(files['certificate.pem']).toBe(CERTIFICATE + CERTIFICATE)
    const pod = containerOf('registry')
    expect(one('kubernetes:apps/v1:Deployment', 'registry').inputs.spec.strategy).toEqual({ type: 'Recreate' })
    expect(pod.volumes[0].configMap.name).toMatch(/^registry-[0-9a-f]{10}$/)
    expect(one('kubernetes:core/v1:PersistentVolumeClaim').inputs.spec).toEqual({
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '20Gi' } },
    })
  })

  it('keeps the HTTP secret of the registry a secret', async () => {
    await run(example())
    const secret = one('kubernetes:core/v1:Secret')
    expect(secret.secrets).toContain('data')
    const text = Buffer.from(secret.inputs.data.httpSecret, 'base64').toString()
    expect(text).toMatch(/^[0-9a-f]{64}$/)
    expect(PRIVATE_KEY).not.toContain(text)
  })

  it('lets only restricted pods into the namespace', async () => {
    await run(example())
    expect(one('kubernetes:core/v1:Namespace').inputs.metadata).toMatchObject({
      name: 'passwordless-registry',
      labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
    })
  })

  it('routes the host to both, with the class, certificate and annotations of the stack', async () => {
    await run(example())
    const [registry, tokens] = ['registry', 'token-service'].map(
      (name) => one('kubernetes:networking.k8s.io/v1:Ingress', name).inputs,
    )
    expect(registry.metadata.annotations).toMatchObject({
      'nginx.ingress.kubernetes.io/proxy-body-size': '0',
      'cert-manager.io/cluster-issuer': 'letsencrypt',
    })
    expect(Object.keys(tokens.metadata.annotations)).toEqual(['pulumi.com/skipAwait', 'zalando.org/skipper-predicate'])
    for (const { spec } of [registry, tokens]) {
      expect(spec).toMatchObject({
        ingressClassName: 'haproxy',
        tls: [{ hosts: ['registry.example.com'], secretName: 'registry-tls' }],
      })
    }
  })
})
