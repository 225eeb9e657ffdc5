/** The whole program under Pulumi's mocks: what it asks the providers for, what it marks secret, what it puts out. */
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as pulumi from '@pulumi/pulumi'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { parse, stringify } from 'yaml'
import { stackPolicy } from '../trust/stack-policy.ts'
import { CERTIFICATE, type Made, PRIVATE_KEY, PROVIDER, recordingMocks } from './program.fixture.ts'

let made: Made[]

const MAPPING = 'authentik:index/propertyMappingProviderScope:PropertyMappingProviderScope'
const projectFile = () => readFileSync(join(import.meta.dirname, '..', 'Pulumi.yaml'), 'utf8')

/** The configuration of a stack as the engine hands it over: defaults of Pulumi.yaml, then the stack's own file. */
function configuration(stack: Record<string, unknown>): Record<string, string> {
  const project = parse(projectFile())
  const defaults = Object.entries<{ default: unknown }>(project.config).map(([key, { default: value }]) => [
    `passwordless-registry:${key}`,
    value,
  ])
  return Object.fromEntries(
    Object.entries({ ...Object.fromEntries(defaults), ...stack }).map(([key, value]) => [
      key,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]),
  )
}

const stackFile = (name: string): Record<string, unknown> =>
  parse(readFileSync(join(import.meta.dirname, '..', 'stacks', `Pulumi.${name}.yaml`), 'utf8')).config

async function run(stack: Record<string, unknown>) {
  vi.resetModules()
  pulumi.runtime.setAllConfig(configuration(stack))
  const outputs: Record<string, unknown> = { ...(await import('./index.ts')) }
  const entries = await Promise.all(
    Object.entries(outputs).map(async ([key, value]) => {
      const output = pulumi.output(value)
      const secret = await pulumi.isSecret(output)
      return [key, { secret, value: await new Promise((resolve) => pulumi.unsecret(output).apply(resolve)) }] as const
    }),
  )
  await new Promise((resolve) => pulumi.runtime.disconnect().then(resolve))
  return Object.fromEntries(entries)
}

const all = (type: string) => made.filter((resource) => resource.type === type)
function one(type: string, name?: string): Made {
  const found = all(type).filter((resource) => name === undefined || resource.name === name)
  expect(found, `${type} ${name ?? ''}`).toHaveLength(1)
  return found[0] as Made
}

const example = () => ({ ...stackFile('example'), 'authentik:token': 'token-of-an-administrator' })

beforeEach(async () => {
  made = []
  await pulumi.runtime.setMocks(
    recordingMocks((resource) => made.push(resource)),
    'passwordless-registry',
    'test',
  )
})

describe('authentik', () => {
  it('takes the tokens of GitHub.com by its key set and of GitLab.com by its discovery document', async () => {
    await run(example())
    expect(one('authentik:index/sourceOauth:SourceOauth', 'github').inputs).toMatchObject({
      slug: 'github',
      providerType: 'openidconnect',
      oidcJwksUrl: 'https://token.actions.githubusercontent.com/.well-known/jwks',
      authorizationUrl: expect.stringMatching(/^https:/),
      accessTokenUrl: expect.stringMatching(/^https:/),
      profileUrl: expect.stringMatching(/^https:/),
    })
    expect(one('authentik:index/sourceOauth:SourceOauth', 'gitlab').inputs).toMatchObject({
      slug: 'gitlab',
      oidcWellKnownUrl: 'https://gitlab.com/.well-known/openid-configuration',
    })
  })

  it('signs with a P-256 key of its own, which stays a secret', async () => {
    await run(example())
    expect(one('tls:index/privateKey:PrivateKey', 'docker-registry').inputs).toMatchObject({ ecdsaCurve: 'P256' })
    const pair = one('authentik:index/certificateKeyPair:CertificateKeyPair')
    expect(pair.inputs).toMatchObject({ name: 'docker-registry', keyData: PRIVATE_KEY.trim() })
    expect(pair.secrets).toContain('keyData')
  })

  it('ties provider, key, mapping, sources and application together', async () => {
    await run({ ...example(), 'passwordless-registry:tokenLifetimeMinutes': 5 })
    expect(one(PROVIDER, 'docker-registry').inputs).toMatchObject({
      name: 'docker-registry',
      clientId: 'docker-registry',
      accessTokenValidity: 'minutes=5',
      signingKey: 'id-of-docker-registry',
      propertyMappings: ['id-of-docker-registry'],
      jwtFederationSources: ['uuid-of-github', 'uuid-of-gitlab'],
      jwtFederationProviders: [8],
      authorizationFlow: 'flow default-provider-authorization-implicit-consent',
      invalidationFlow: 'flow default-provider-invalidation-flow',
    })
    expect(one('authentik:index/application:Application', 'docker-registry').inputs).toMatchObject({
      slug: 'docker-registry',
      protocolProvider: 7,
    })
    expect(one(MAPPING, 'docker-registry').inputs).toMatchObject({
      scopeName: 'docker-registry',
      expression: expect.stringMatching(/^"""What the trust policy .*Scope mapping `docker-registry`/s),
    })
  })

  it('gives sessions to CI tokens alone, for as long as the stack says', async () => {
    await run({ ...example(), 'passwordless-registry:sessionHours': 12 })
    expect(one(PROVIDER, 'ci-session').inputs).toMatchObject({
      clientId: 'ci-session',
      accessTokenValidity: 'minutes=720',
      signingKey: 'id-of-docker-registry',
      propertyMappings: ['id-of-ci-session'],
      jwtFederationSources: ['uuid-of-github', 'uuid-of-gitlab'],
      jwtFederationProviders: [],
    })
    expect(one('authentik:index/application:Application', 'ci-session').inputs).toMatchObject({ protocolProvider: 8 })
    expect(one(MAPPING, 'ci-session').inputs).toMatchObject({
      scopeName: 'ci-session',
      expression: expect.stringContaining('Scope mapping `ci-session`'),
    })
  })

  it('makes nothing for sessions where they are turned off', async () => {
    await run({ ...example(), 'passwordless-registry:sessionHours': 0 })
    expect(made.filter(({ name }) => name === 'ci-session')).toEqual([])
    expect(one(PROVIDER).inputs.jwtFederationProviders).toEqual([])
    const [container] = one('kubernetes:apps/v1:Deployment', 'token-service').inputs.spec.template.spec.containers
    expect(container.env.map(({ name }: { name: string }) => name)).not.toContain('SESSION_CLIENT_ID')
  })

  it('binds the trust policy to every application, and its failure is a no', async () => {
    await run(example())
    expect(one('authentik:index/policyExpression:PolicyExpression').inputs.expression).toContain('Who gets a token at')
    expect(all('authentik:index/policyBinding:PolicyBinding').map(({ inputs }) => inputs)).toEqual(
      ['ci-session', 'docker-registry'].map((application) => ({
        target: `uuid-of-${application}`,
        policy: 'id-of-docker-registry-trust',
        order: 0,
        negate: false,
        failureResult: false,
        timeout: 10,
      })),
    )
  })

  it('keeps the compiled rules in a group without members, the same that explain and the token service read', async () => {
    for (const name of ['example', 'local']) {
      made = []
      await run({ ...stackFile(name), 'passwordless-registry:pushGroup': 'a"b', 'authentik:token': 'token' })
      const group = one('authentik:index/group:Group', 'docker-registry-trust').inputs
      expect(group.users).toBeUndefined()
      const document = JSON.parse(group.attributes)
      expect(document).toMatchObject({ version: 1, groups: { push: 'a"b', pull: 'acl_docker_pull' } })
      const config = { ...stackFile(name), 'passwordless-registry:pushGroup': 'a"b' }
      const { policy } = stackPolicy(projectFile(), stringify({ config }))
      expect(document).toEqual(policy?.document)
      expect(one('kubernetes:core/v1:ConfigMap', 'trust').inputs.data).toEqual({ 'trust.json': group.attributes })
      await pulumi.runtime.setMocks(
        recordingMocks((resource) => made.push(resource)),
        'passwordless-registry',
        'test',
      )
    }
  })

  it('takes the keys of an issuer that cannot be reached from the stack', async () => {
    const jwks = { keys: [{ kid: '1', kty: 'RSA', n: 'AQAB', e: 'AQAB' }] }
    const cluster = { slug: 'cluster', platform: 'oidc', issuer: 'https://kubernetes.default.svc', jwks }
    await run({ ...example(), 'passwordless-registry:sources': [{ slug: 'github', platform: 'github' }, cluster] })
    const { inputs } = one('authentik:index/sourceOauth:SourceOauth', 'cluster')
    expect(JSON.parse(inputs.oidcJwks)).toEqual(jwks)
    expect(inputs).not.toHaveProperty('oidcJwksUrl')
  })

  it('makes both groups, with nobody in them', async () => {
    await run({ ...example(), 'passwordless-registry:pushGroup': 'writers' })
    const groups = all('authentik:index/group:Group').map(({ inputs }) => [inputs.name, inputs.users])
    expect(Object.fromEntries(groups)).toEqual({
      writers: undefined,
      acl_docker_pull: undefined,
      'docker-registry-trust': undefined,
    })
    expect(all('authentik:index/user:User')).toEqual([])
  })
})

describe('Kubernetes', () => {
  const containerOf = (name: string) => one('kubernetes:apps/v1:Deployment', name).inputs.spec.template.spec

  it('runs the token service from its bundle, twice, within the restricted standard', async () => {
    await run({ ...stackFile('local'), 'authentik:token': 'token' })
    const files = one('kubernetes:core/v1:ConfigMap', 'token-service').inputs
    expect(files.metadata.name).toMatch(/^token-service-[0-9a-f]{10}$/)
    expect(Object.keys(files.data)).toEqual(['token-service.mjs', 'token-service.mjs.map', 'THIRD-PARTY-LICENSES.txt'])
    expect(files.data['token-service.mjs'].length).toBeGreaterThan(1000)

    const { inputs } = one('kubernetes:apps/v1:Deployment', 'token-service')
    expect(inputs.spec.replicas).toBe(2)
    const pod = inputs.spec.template.spec
    expect(pod).toMatchObject({ automountServiceAccountToken: false, securityContext: { runAsNonRoot: true } })
    expect(pod.containers[0]).toMatchObject({
      image: 'local/node:24',
      command: ['node', '--enable-source-maps', '/srv/token-service/token-service.mjs'],
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      env: expect.arrayContaining([
        { name: 'TOKEN_URL', value: 'http://authentik.outside-world.svc.cluster.local:9000/application/o/token/' },
        { name: 'CLIENT_ID', value: 'docker-registry' },
        { name: 'SCOPE', value: 'docker-registry' },
        { name: 'TRUST_FILE', value: '/etc/token-service/trust.json' },
        { name: 'SESSION_CLIENT_ID', value: 'ci-session' },
        { name: 'SESSION_SCOPE', value: 'ci-session' },
        { name: 'PASS_JWT_USERNAME', value: 'JWT' },
      ]),
      readinessProbe: { httpGet: { path: '/live', port: 'http' } },
    })
    expect(pod.volumes[0].configMap.name).toBe(files.metadata.name)
    // The rules: under a fixed name and as a folder, so that a change reaches the running pods.
    expect(one('kubernetes:core/v1:ConfigMap', 'trust').inputs.metadata.name).toBe('token-service-trust')
    expect(pod.volumes[1]).toEqual({ name: 'trust', configMap: { name: 'token-service-trust' } })
    expect(pod.containers[0].volumeMounts[1]).toEqual({
      name: 'trust',
      mountPath: '/etc/token-service',
      readOnly: true,
    })
    expect(one('kubernetes:policy/v1:PodDisruptionBudget').inputs.spec.maxUnavailable).toBe(1)
  })

  it('runs the image of the token service instead, if there is one', async () => {
    await run({ ...example(), 'passwordless-registry:image': 'example.com/token-service:1' })
    const pod = containerOf('token-service')
    expect(pod.containers[0].image).toBe('example.com/token-service:1')
    expect(pod.containers[0].command).toBeUndefined()
    expect(pod.volumes.map(({ name }: { name: string }) => name)).toEqual(['trust'])
    expect(all('kubernetes:core/v1:ConfigMap').map(({ name }) => name)).toEqual(['trust', 'registry'])
  })

  it('gives the registry its configuration, the key that it trusts and a volume', async () => {
    const { jwks } = await run(example())
    const files = one('kubernetes:core/v1:ConfigMap', 'registry').inputs.data
    expect(parse(files['config.yml'])).toMatchObject({
      auth: {
        token: {
          realm: 'https://registry.example.com/token',
          service: 'docker-registry',
          issuer: 'https://authentik.example.com/application/o/docker-registry/',
          signingalgorithms: ['ES256'],
        },
      },
      storage: { delete: { enabled: true } },
    })
    expect(files['jwks.json']).toBe(jwks?.value)
    expect(files['certificate.pem']).toBe(CERTIFICATE)
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
    const { inputs } = one('kubernetes:networking.k8s.io/v1:Ingress')
    expect(inputs.metadata.annotations).toMatchObject({
      'nginx.ingress.kubernetes.io/proxy-body-size': '0',
      'cert-manager.io/cluster-issuer': 'letsencrypt',
    })
    expect(inputs.spec).toMatchObject({
      ingressClassName: 'nginx',
      tls: [{ hosts: ['registry.example.com'], secretName: 'registry-tls' }],
    })
  })
})

describe('outputs', () => {
  it('hand CI and people what they need, and no secret', async () => {
    const outputs = await run(example())
    expect(Object.keys(outputs).sort()).toEqual(
      ['registry', 'tokenUrl', 'issuer', 'clientId', 'audience', 'pushGroup', 'trust']
        .concat('certificate', 'jwks', 'githubWorkflow', 'gitlabCi')
        .sort(),
    )
    for (const [key, { secret, value }] of Object.entries(outputs)) {
      expect(secret, `${key} is secret`).toBe(false)
      expect(String(value)).not.toContain('PRIVATE KEY')
      expect(String(value)).not.toContain('token-of-an-administrator')
    }
    expect(outputs).toMatchObject({
      registry: { value: 'registry.example.com' },
      tokenUrl: { value: 'https://registry.example.com/token' },
      issuer: { value: 'https://authentik.example.com/application/o/docker-registry/' },
      clientId: { value: 'docker-registry' },
      audience: { value: 'registry.example.com' },
      pushGroup: { value: 'acl_docker_push' },
      trust: {
        value: [
          expect.stringMatching(/^GitHub repositories of owner 501 .* on a branch or a tag started by .*: push to /),
        ],
      },
      certificate: { value: CERTIFICATE },
    })
    const { d } = createPrivateKey(PRIVATE_KEY).export({ format: 'jwk' })
    expect(JSON.parse(String(outputs.jwks?.value)).keys[0]).toMatchObject({ kty: 'EC', crv: 'P-256' })
    expect(String(outputs.jwks?.value)).not.toContain(d)
  })
})

describe('a wrong configuration', () => {
  it('stops the program before anything is made', async () => {
    const wrong = { 'passwordless-registry:host': 'https://registry.example.com', 'passwordless-registry:trust': [{}] }
    await expect(run({ ...example(), ...wrong })).rejects.toThrow(
      /passwordless-registry:host.*passwordless-registry:trust: rule 1/s,
    )
    expect(made).toEqual([])
  })
})
