/** Settings that a cluster needs, through the whole program under Pulumi's mocks. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { workloads } from './kubernetes/pod-settings.ts'
import { CERTIFICATE } from './program.fixture.ts'
import { example, useProgram } from './run-program.fixture.ts'

const { run, all, one } = useProgram()
const DEPLOYMENT = 'kubernetes:apps/v1:Deployment'
const setting = (values: Record<string, unknown>) => ({
  ...example(),
  ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`passwordless-registry:${name}`, value])),
})
const pod = (name: string) => one(DEPLOYMENT, name).inputs.spec.template
/** Of every pod that the program would make, now or on a schedule. */
const pods = () =>
  [DEPLOYMENT, 'kubernetes:batch/v1:Job', 'kubernetes:batch/v1:CronJob']
    .flatMap((type) => all(type))
    .map(({ inputs: { spec } }) => (spec.jobTemplate?.spec ?? spec).template)
/** All that has pods. */
const EVERYTHING = {
  storage: { s3: { bucket: 'acme', region: 'eu-central-1', secret: 'keys' } },
  events: 'stream',
  probers: true,
  clusterPulls: ['shop'],
  pullSecrets: [{ namespace: 'shop', serviceAccounts: ['default'] }],
  garbageCollection: { schedule: '30 3 * * 0' },
  retention: { rules: [{ repositories: ['acme/**'], keep: { newest: 20 } }] },
}
const variables = () =>
  Object.fromEntries(
    pod('token-service').spec.containers[0].env.map(({ name, value }: { name: string; value: string }) => [
      name,
      value,
    ]),
  )

describe('the token service', () => {
  it('trusts the certificates of the stack', async () => {
    await run(setting({ caBundle: CERTIFICATE }))
    const files = one('kubernetes:core/v1:ConfigMap', 'token-service-keys').inputs
    expect(files.data['ca.pem']).toBe(CERTIFICATE)
    expect(variables().NODE_EXTRA_CA_CERTS).toBe('/etc/token-service/keys/ca.pem')
  })

  it('calls through the proxy of the stack, but not within the cluster', async () => {
    await run(setting({ proxy: 'http://proxy.example.com:3128' }))
    expect(variables()).toMatchObject({
      HTTP_PROXY: 'http://proxy.example.com:3128',
      HTTPS_PROXY: 'http://proxy.example.com:3128',
      NO_PROXY: '.svc,.cluster.local,localhost,127.0.0.1',
    })
  })

  it('has none of these by default', async () => {
    await run(example())
    expect(variables()).not.toHaveProperty('NODE_EXTRA_CA_CERTS')
    expect(variables()).not.toHaveProperty('HTTPS_PROXY')
    expect(pod('token-service').spec.containers[0].envFrom).toEqual([])
    expect(all('kubernetes:core/v1:Secret').map(({ name }) => name)).toEqual(['registry'])
  })

  it('gets further variables from a Secret that stays a secret in the state', async () => {
    await run(
      setting({
        environment: { LOG_LEVEL: 'debug', OTEL_EXPORTER_OTLP_HEADERS: 'authorization=x', LIMIT_CACHE_MS: '1' },
      }),
    )
    const secret = one('kubernetes:core/v1:Secret', 'token-service-environment')
    expect(secret.secrets).toContain('data')
    expect(Buffer.from(secret.inputs.data.OTEL_EXPORTER_OTLP_HEADERS, 'base64').toString()).toBe('authorization=x')
    expect(secret.inputs.metadata).not.toHaveProperty('name')
    expect(pod('token-service').spec.containers[0].envFrom).toHaveLength(1)
    // A variable of the Deployment would hide the one of the Secret.
    expect(variables()).not.toHaveProperty('LOG_LEVEL')
  })

  it.each([
    ['TOKEN_URL', 'a variable that the stack does not set itself'],
    ['TRUSTED_PROXIES', 'a variable that the stack does not set itself'],
    ['LIMIT_LAME_DUCK_MS', 'a variable that the stack does not set itself'],
    ['NODE_OPTIONS', 'a variable that service/README.md names'],
    ['PATH', 'a variable that service/README.md names'],
  ])('refuses to set %s', async (name, message) => {
    await expect(run(setting({ environment: { [name]: 'secret-value' } }))).rejects.toThrow(message)
    await expect(run(setting({ environment: { [name]: 'x' } }))).rejects.toThrow(`environment.${name}`)
  })

  it.each([
    ['caBundle', 'not a certificate', 'each from BEGIN CERTIFICATE to END CERTIFICATE'],
    ['caBundle', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'number 1 cannot be read'],
    ['caBundle', `${CERTIFICATE}\n-----BEGIN PRIVATE KEY-----`, 'a private key'],
    ['proxy', 'http://user:word@proxy.example.com', 'an http or https URL'],
    ['proxy', 'proxy.example.com:3128', 'an http or https URL'],
    ['noProxy', 'a, b', 'no spaces'],
  ])('refuses %s %j', async (name, value, message) => {
    await expect(run(setting({ [name]: value }))).rejects.toThrow(message)
  })
})

describe('every pod', () => {
  const given = {
    imagePullSecrets: ['mirror-login'],
    tolerations: [{ key: 'ci', operator: 'Exists', effect: 'NoSchedule' }],
    nodeSelector: { 'kubernetes.io/arch': 'amd64' },
    priorityClass: 'system-cluster-critical',
    labels: { team: 'platform' },
  }

  it.each(['token-service', 'registry'])('of %s goes where the stack says', async (name) => {
    await run(setting(given))
    expect(pod(name).spec).toMatchObject({
      imagePullSecrets: [{ name: 'mirror-login' }],
      tolerations: given.tolerations,
      nodeSelector: given.nodeSelector,
      priorityClassName: 'system-cluster-critical',
    })
    expect(pod(name).metadata.labels).toMatchObject({ team: 'platform', 'app.kubernetes.io/name': name })
    expect(one(DEPLOYMENT, name).inputs.metadata.labels).toMatchObject({ team: 'platform' })
    expect(one(DEPLOYMENT, name).inputs.spec.selector.matchLabels).not.toHaveProperty('team')
  })

  it.each(['token-service', 'registry'])('of %s has none of these by default', async (name) => {
    await run(example())
    for (const field of ['imagePullSecrets', 'tolerations', 'nodeSelector', 'priorityClassName']) {
      expect(pod(name).spec).not.toHaveProperty(field)
    }
  })

  it('may use what the stack says; the rest keeps its default', async () => {
    await run(setting({ resources: { registry: { limits: { memory: '2Gi' } } } }))
    expect(pod('registry').spec.containers[0].resources).toEqual({
      requests: { cpu: '50m', memory: '64Mi' },
      limits: { memory: '2Gi' },
    })
    expect(pod('token-service').spec.containers[0].resources.limits).toEqual({ memory: '256Mi' })
  })

  it('of every part of the stack goes there, and each container may use what the stack says', async () => {
    const resources = Object.fromEntries(workloads.map((name, index) => [name, { limits: { cpu: `${index + 1}` } }]))
    await run(setting({ ...given, ...EVERYTHING, resources }))
    const found = pods()
    for (const { metadata, spec } of found) {
      expect(spec).toMatchObject({
        imagePullSecrets: [{ name: 'mirror-login' }],
        tolerations: given.tolerations,
        nodeSelector: given.nodeSelector,
        priorityClassName: 'system-cluster-critical',
      })
      expect(metadata.labels).toMatchObject({ team: 'platform' })
    }
    const containers = found.flatMap(({ spec }) => [...(spec.initContainers ?? []), ...spec.containers])
    // Where a quota is of `limits.cpu`, the API server refuses a pod with a container that has none.
    const cpus = containers.map(({ name, resources }) => `${name} ${resources.limits.cpu}`)
    expect([...new Set(cpus)].toSorted()).toEqual([
      'check 7',
      'collect 2',
      'events 3',
      'hold 6',
      'prober 4',
      'refresh 5',
      'registry 2',
      'retain 6',
      'token-service 1',
    ])
    for (const { name, resources } of containers) {
      expect(resources, name).toMatchObject({
        requests: { memory: expect.stringMatching(/Mi$/) },
        limits: { memory: expect.stringMatching(/[MG]i$/) },
      })
    }
  })

  it('may use by default what docs/operating.md says', async () => {
    const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'operating.md'), 'utf8')
    const rows = [...page.matchAll(/^\| `(\w+)` \| .* \| (\d+m and \d+Mi, .*) \|$/gm)]
    expect(rows.map(([, name]) => name)).toEqual([...workloads])
    await run(setting(EVERYTHING))
    const shares = (names: string[]) =>
      pods()
        .flatMap(({ spec }) => [...(spec.initContainers ?? []), ...spec.containers])
        .filter(({ name }) => names.includes(name))
        .map(({ resources: { requests, limits } }) => [requests.cpu, requests.memory, limits.memory])
    const containers: Record<(typeof workloads)[number], string[]> = {
      tokenService: ['token-service'],
      registry: ['registry'],
      events: ['events'],
      probers: ['prober'],
      pullSecrets: ['refresh'],
      cleanUp: ['hold', 'retain'],
      storageCheck: ['check'],
    }
    for (const [, name, said = ''] of rows) {
      const figures = shares(containers[name as (typeof workloads)[number]]).flat()
      expect(
        figures.filter((figure) => !said.includes(figure)),
        name,
      ).toEqual([])
    }
  })

  it.each([
    ['labels', { 'app.kubernetes.io/name': 'x' }, 'by which the stack finds its pods'],
    ['labels', { team: 'a b' }, 'the value of a label'],
    ['nodeSelector', { 'a b': 'c' }, 'nodeSelector.a b'],
    ['tolerations', [{ effect: 'Never' }], 'NoSchedule, PreferNoSchedule or NoExecute'],
    ['resources', { registry: { limits: { memory: 'much' } } }, 'a quantity'],
    ['resources', { other: {} }, '{ tokenService, registry, events, probers, pullSecrets, cleanUp, storageCheck }'],
    ['imagePullSecrets', 'mirror-login', 'a list of names of Secrets'],
    ['priorityClass', 'High!', 'a Kubernetes name'],
  ])('refuses %s %j', async (name, value, message) => {
    await expect(run(setting({ [name]: value }))).rejects.toThrow(message)
  })
})

describe('network policies', () => {
  const POLICY = 'kubernetes:networking.k8s.io/v1:NetworkPolicy'

  it('close both workloads by default', async () => {
    await run(setting({ ingressNamespace: 'ingress-nginx' }))
    expect(all(POLICY).map(({ name }) => name)).toEqual(['registry', 'token-service'])
    expect(one(POLICY, 'registry').inputs.spec.egress).toEqual([])
    expect(JSON.stringify(one(POLICY, 'token-service').inputs.spec.ingress)).toContain('ingress-nginx')
  })

  it('can be left out', async () => {
    await run(setting({ networkPolicies: false }))
    expect(all(POLICY)).toEqual([])
  })
})
