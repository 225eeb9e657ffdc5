/** The whole program under Pulumi's mocks: what it asks the providers for, what it marks secret, what it puts out. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as pulumi from '@pulumi/pulumi'
import { MockMonitor } from '@pulumi/pulumi/runtime/mocks.js'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'

// A certificate made for this test, with its key: the program reads the public key out of it.
const CERTIFICATE = readFileSync(join(import.meta.dirname, 'authentik', 'certificate.test.pem'), 'utf8')
const PRIVATE_KEY = `${generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' })}`

// The SDK's mocks know nothing of error hooks. Under them nothing fails, so none is ever called.
Object.assign(MockMonitor.prototype, {
  registerErrorHook: (_request: unknown, registered: (error: null) => void) => registered(null),
})

interface Made {
  type: string
  name: string
  // biome-ignore lint/suspicious/noExplicitAny: inputs of any resource type, read by the assertions
  inputs: any
  secrets: string[]
}

let made: Made[]

/** Unwraps Pulumi's secret envelope, which is how a mock sees a secret input; tells which top-level inputs held one. */
function unwrap(inputs: unknown): { value: unknown; secret: boolean } {
  const SECRET = '4dabf18193072939515e22adb298388d'
  if (Array.isArray(inputs)) {
    const items = inputs.map(unwrap)
    return { value: items.map(({ value }) => value), secret: items.some(({ secret }) => secret) }
  }
  if (typeof inputs === 'object' && inputs !== null) {
    if (SECRET in inputs && 'value' in inputs) return { value: unwrap(inputs.value).value, secret: true }
    const entries = Object.entries(inputs).map(([key, value]) => [key, unwrap(value)] as const)
    return {
      value: Object.fromEntries(entries.map(([key, { value }]) => [key, value])),
      secret: entries.some(([, { secret }]) => secret),
    }
  }
  return { value: inputs, secret: false }
}

const computed: Record<string, (made: Made) => Record<string, unknown>> = {
  'tls:index/privateKey:PrivateKey': () => ({ privateKeyPem: PRIVATE_KEY }),
  'tls:index/selfSignedCert:SelfSignedCert': () => ({ certPem: CERTIFICATE }),
  'authentik:index/sourceOauth:SourceOauth': ({ name }) => ({ uuid: `uuid-of-${name}` }),
}

class Recorder implements pulumi.runtime.Mocks {
  newResource(args: pulumi.runtime.MockResourceArgs) {
    const fields = Object.entries(args.inputs).map(([key, value]) => [key, unwrap(value)] as const)
    const resource: Made = {
      type: args.type,
      name: args.name,
      inputs: Object.fromEntries(fields.map(([key, { value }]) => [key, value])),
      secrets: fields.filter(([, { secret }]) => secret).map(([key]) => key),
    }
    if (args.custom) made.push(resource)
    const id = args.type === 'authentik:index/providerOauth2:ProviderOauth2' ? '7' : `id-of-${args.name}`
    return { id, state: { ...args.inputs, ...computed[args.type]?.(resource) } }
  }

  call({ token, inputs }: pulumi.runtime.MockCallArgs) {
    if (token !== 'authentik:index/getFlow:getFlow') throw new Error(`unexpected call of ${token}`)
    return { id: `flow ${inputs.slug}` }
  }
}

/** The configuration of a stack as the engine hands it over: defaults of Pulumi.yaml, then the stack's own file. */
function configuration(stack: Record<string, unknown>): Record<string, string> {
  const project = parse(readFileSync(join(import.meta.dirname, '..', 'Pulumi.yaml'), 'utf8'))
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
  await pulumi.runtime.setMocks(new Recorder(), 'passwordless-registry', 'test')
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
    expect(one('authentik:index/providerOauth2:ProviderOauth2').inputs).toMatchObject({
      name: 'docker-registry',
      clientId: 'docker-registry',
      accessTokenValidity: 'minutes=5',
      signingKey: 'id-of-docker-registry',
      propertyMappings: ['id-of-docker-registry'],
      jwtFederationSources: ['uuid-of-github', 'uuid-of-gitlab'],
      authorizationFlow: 'flow default-provider-authorization-implicit-consent',
      invalidationFlow: 'flow default-provider-invalidation-flow',
    })
    expect(one('authentik:index/application:Application').inputs).toMatchObject({
      slug: 'docker-registry',
      protocolProvider: 7,
    })
  })

  it('writes the names of the groups, whatever they are, into the scope mapping', async () => {
    await run({ ...example(), 'passwordless-registry:pushGroup': 'a"b' })
    expect(one('authentik:index/propertyMappingProviderScope:PropertyMappingProviderScope').inputs).toMatchObject({
      name: 'docker-registry',
      scopeName: 'docker-registry',
      expression: expect.stringContaining('PUSH_GROUP = "a\\U00000022b"'),
    })
    expect(
      all('authentik:index/group:Group')
        .map(({ inputs }) => inputs.name)
        .sort(),
    ).toEqual(['a"b', 'acl_docker_pull'])
  })

  it('makes each CI user once, under the name that authentik looks for, in its groups', async () => {
    await run({
      ...example(),
      'passwordless-registry:pushSubjects': ['repo:acme/app:ref:refs/heads/main', 'both'],
      'passwordless-registry:pullSubjects': ['both', 'reader'],
    })
    const users = all('authentik:index/user:User').map(({ inputs }) => [inputs.username, inputs.groups, inputs.type])
    const [push, pull] = ['id-of-acl_docker_push', 'id-of-acl_docker_pull']
    expect(users).toHaveLength(3)
    expect(users).toEqual(
      expect.arrayContaining([
        ['docker-registry-repo:acme/app:ref:refs/heads/main', [push], 'service_account'],
        ['docker-registry-both', [push, pull], 'service_account'],
        ['docker-registry-reader', [pull], 'service_account'],
      ]),
    )
  })
})

describe('Kubernetes', () => {
  const containerOf = (name: string) => one('kubernetes:apps/v1:Deployment', name).inputs.spec.template.spec

  it('runs the token service from its bundle, twice, within the restricted standard', async () => {
    await run({ ...stackFile('local'), 'authentik:token': 'token' })
    const files = one('kubernetes:core/v1:ConfigMap', 'token-service').inputs
    expect(files.metadata.name).toMatch(/^token-service-[0-9a-f]{10}$/)
    expect(files.data['token-service.mjs'].length).toBeGreaterThan(1000)

    const { inputs } = one('kubernetes:apps/v1:Deployment', 'token-service')
    expect(inputs.spec.replicas).toBe(2)
    const pod = inputs.spec.template.spec
    expect(pod).toMatchObject({ automountServiceAccountToken: false, securityContext: { runAsNonRoot: true } })
    expect(pod.containers[0]).toMatchObject({
      image: 'local/node:24',
      command: ['node', '/srv/token-service/token-service.mjs'],
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      env: expect.arrayContaining([
        { name: 'TOKEN_URL', value: 'http://authentik.outside-world.svc.cluster.local:9000/application/o/token/' },
        { name: 'CLIENT_ID', value: 'docker-registry' },
        { name: 'SCOPE', value: 'docker-registry' },
        { name: 'PASS_JWT_USERNAME', value: 'JWT' },
      ]),
      readinessProbe: { httpGet: { path: '/live', port: 'http' } },
    })
    expect(pod.volumes[0].configMap.name).toBe(files.metadata.name)
    expect(one('kubernetes:policy/v1:PodDisruptionBudget').inputs.spec.maxUnavailable).toBe(1)
  })

  it('runs the image of the token service instead, if there is one', async () => {
    await run({ ...example(), 'passwordless-registry:image': 'example.com/token-service:1' })
    const pod = containerOf('token-service')
    expect(pod.containers[0].image).toBe('example.com/token-service:1')
    expect(pod.containers[0].command).toBeUndefined()
    expect(pod.volumes).toEqual([])
    expect(all('kubernetes:core/v1:ConfigMap').map(({ name }) => name)).toEqual(['registry'])
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
      ['registry', 'tokenUrl', 'issuer', 'clientId', 'audience', 'pushGroup']
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
      certificate: { value: CERTIFICATE },
    })
    const { d } = createPrivateKey(PRIVATE_KEY).export({ format: 'jwk' })
    expect(JSON.parse(String(outputs.jwks?.value)).keys[0]).toMatchObject({ kty: 'EC', crv: 'P-256' })
    expect(String(outputs.jwks?.value)).not.toContain(d)
  })
})

describe('a wrong configuration', () => {
  it('stops the program before anything is made', async () => {
    await expect(run({ ...example(), 'passwordless-registry:host': 'https://registry.example.com' })).rejects.toThrow(
      /passwordless-registry:host/,
    )
    expect(made).toEqual([])
  })
})
