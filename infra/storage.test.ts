/** Where the images are, through the whole program under Pulumi's mocks. */
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { storageCheckConfig } from './kubernetes/storage-check.ts'
import { storageDriver } from './kubernetes/storage-driver.ts'
import { CERTIFICATE } from './program.fixture.ts'
import { example, stackFile, useProgram } from './run-program.fixture.ts'

const { run, follows, all, one } = useProgram()
const DEPLOYMENT = 'kubernetes:apps/v1:Deployment'
const CLAIM = 'kubernetes:core/v1:PersistentVolumeClaim'
const JOB = 'kubernetes:batch/v1:Job'
const BUDGET = 'kubernetes:policy/v1:PodDisruptionBudget'
const AUTOSCALER = 'kubernetes:autoscaling/v2:HorizontalPodAutoscaler'

const s3 = { bucket: 'acme-images', region: 'eu-central-1' }
const setting = (values: Record<string, unknown>) => ({
  ...example(),
  ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`passwordless-registry:${name}`, value])),
})
const deployment = () => one(DEPLOYMENT, 'registry').inputs.spec

describe('the example stacks', () => {
  const names = globSync('Pulumi.example*.yaml', { cwd: join(import.meta.dirname, '..', 'stacks') })
    .map((file) => file.replace(/^Pulumi\.|\.yaml$/g, ''))
    .sort()

  it('are one with everything, one for S3 and one for a volume', () => {
    expect(names).toEqual(['example', 'example-s3', 'example-volume'])
  })

  it.each(names)('%s is complete', async (name) => {
    const outputs = await run({ ...stackFile(name), 'authentik:token': 'token' })
    expect(outputs.registry?.value).toBe('registry.example.com')
    expect(deployment().replicas).toBe(name === 'example-s3' ? 2 : 1)
  })
})

describe('a bucket', () => {
  it('is used by two pods that replace each other without a gap, on different nodes', async () => {
    await run({ ...stackFile('example-s3'), 'authentik:token': 'token' })
    expect(deployment()).toMatchObject({
      replicas: 2,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0 } },
    })
    const pod = deployment().template.spec
    expect(pod.topologySpreadConstraints[0]).toMatchObject({ topologyKey: 'kubernetes.io/hostname' })
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(
      pod.containers[0].lifecycle.preStop.sleep.seconds + 25,
    )
    expect(pod.volumes.map(({ name }: { name: string }) => name)).toEqual(['files'])
    expect(all(CLAIM)).toEqual([])
    expect(one(BUDGET, 'registry').inputs.spec.maxUnavailable).toBe(1)
    expect(all(AUTOSCALER)).toEqual([])
  })

  it.each([
    ['a bucket', { storage: { s3 } }, '1Gi', true],
    ['a volume', {}, '512Mi', false],
  ])('on %s has memory for its uploads', async (_, settings, memory, knows) => {
    await run(setting(settings))
    const { resources, env } = deployment().template.spec.containers[0]
    expect(resources.limits.memory).toBe(memory)
    const limit = { name: 'GOMEMLIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } }
    expect(env.some((variable: object) => JSON.stringify(variable) === JSON.stringify(limit))).toBe(knows)
  })

  it('is opened with the identity of the account of the registry', async () => {
    await run({ ...stackFile('example-s3'), 'authentik:token': 'token' })
    expect(one('kubernetes:core/v1:ServiceAccount', 'registry').inputs).toMatchObject({
      metadata: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/registry' } },
      automountServiceAccountToken: false,
    })
    expect(deployment().template.spec).toMatchObject({
      serviceAccountName: 'registry',
      automountServiceAccountToken: false,
    })
    const { 'config.yml': config } = one('kubernetes:core/v1:ConfigMap', 'registry').inputs.data
    expect(parse(config).storage).toMatchObject({ s3: { bucket: 'acme-images' }, redirect: { disable: true } })
  })

  it('is tried by a Job of the same identity before the registry changes', async () => {
    await run({ ...stackFile('example-s3'), 'authentik:token': 'token' })
    const { metadata, spec } = one(JOB).inputs
    expect(metadata.annotations).toEqual({ 'pulumi.com/replaceUnready': 'true' })
    expect(spec).toMatchObject({ backoffLimit: 0 })
    const pod = spec.template.spec
    expect(pod).toMatchObject({ serviceAccountName: 'registry', restartPolicy: 'Never' })
    // The provider prints the last words of containers, not those of init containers.
    expect(pod).toMatchObject({ shareProcessNamespace: true })
    expect(pod).not.toHaveProperty('initContainers')
    const [registry, check] = pod.containers
    expect(registry).toMatchObject({
      image: 'docker.io/library/registry:3.1.2',
      terminationMessagePolicy: 'FallbackToLogsOnError',
    })
    expect(check.command).toContain('bucket acme-images (s3)')
    expect(check.command.slice(-registry.command.length)).toEqual(registry.command)
    // Else the Service would send clients to it.
    expect(spec.template.metadata.labels['app.kubernetes.io/name']).toBe('registry-storage-check')
  })

  it('is opened with the keys of a Secret, by the check as well', async () => {
    await run(setting({ storage: { s3: { ...s3, secret: 'bucket-keys' } } }))
    const key = {
      name: 'AWS_SECRET_ACCESS_KEY',
      valueFrom: { secretKeyRef: { name: 'bucket-keys', key: 'AWS_SECRET_ACCESS_KEY' } },
    }
    expect(deployment().template.spec.containers[0].env).toContainEqual(key)
    const { containers, volumes } = one(JOB).inputs.spec.template.spec
    // It starts without, and says so; a pod that waits for a Secret only waits.
    const optional = { ...key, valueFrom: { secretKeyRef: { ...key.valueFrom.secretKeyRef, optional: true } } }
    expect(containers[0].env).toContainEqual(optional)
    const keys = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']
    const items = keys.map((name) => ({ key: name, path: name }))
    expect(volumes).toContainEqual({ name: 'secret', secret: { secretName: 'bucket-keys', items, optional: true } })
    expect(containers[1].volumeMounts).toContainEqual({ name: 'secret', mountPath: '/srv/secret', readOnly: true })
    expect(containers[1].command).toContain(JSON.stringify({ name: 'bucket-keys', keys, directory: '/srv/secret' }))
  })

  it('is reached through the proxy and by the certificates of the stack', async () => {
    const caBundle = CERTIFICATE
    await run(setting({ storage: { s3 }, caBundle, proxy: 'http://proxy.example.com:3128' }))
    const pod = deployment().template.spec
    expect(pod.containers[0].env).toEqual(
      expect.arrayContaining([
        { name: 'HTTPS_PROXY', value: 'http://proxy.example.com:3128' },
        { name: 'SSL_CERT_DIR', value: '/etc/ssl/certs:/etc/distribution-authorities' },
      ]),
    )
    // Of all files that one alone: the certificate of the signing key is not an authority.
    expect(pod.volumes.find(({ name }: { name: string }) => name === 'authorities').configMap.items).toEqual([
      { key: 'ca.pem', path: 'ca.pem' },
    ])
    expect(one('kubernetes:core/v1:ConfigMap', 'registry').inputs.data['ca.pem']).toBe(caBundle)
  })

  it('is what the registry may call, and all that it may', async () => {
    await run(setting({ storage: { s3 } }))
    const { spec } = one('kubernetes:networking.k8s.io/v1:NetworkPolicy', 'registry').inputs
    expect(JSON.stringify(spec.egress)).toContain('443')
  })

  it.each([
    ['registryReplicas', { registryReplicas: 5 }, 5],
    ['an autoscaler elsewhere', { registryReplicas: 0 }, 2],
    ['an autoscaler of the stack', { autoscaling: { registry: { min: 3, max: 10 } } }, 3],
  ])('has as many pods as the stack says: %s', async (_, more, pods) => {
    await run(setting({ storage: { s3 }, ...more }))
    expect(deployment().replicas).toBe(pods)
  })
})

describe('autoscaling', () => {
  it('follows what pods use, for both workloads', async () => {
    const autoscaling = { registry: { max: 10 }, tokenService: { min: 2, max: 4, cpu: '300m' } }
    await run(setting({ storage: { s3 }, autoscaling }))
    expect(one(AUTOSCALER, 'registry').inputs.spec).toMatchObject({
      scaleTargetRef: { kind: 'Deployment', name: 'registry' },
      minReplicas: 2,
      maxReplicas: 10,
      metrics: [{ resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '500m' } } }],
    })
    expect(one(AUTOSCALER, 'token-service').inputs.spec.metrics[0].resource.target.averageValue).toBe('300m')
  })
})

describe('a change of the storage', () => {
  const before = { registry: 'registry.example.com', storage: 'the volume', volume: 'protected' }

  it('keeps the volume that the registry no longer uses', async () => {
    follows(before)
    const outputs = await run(setting({ storage: { s3 } }))
    expect(one(CLAIM).inputs.metadata.name).toBe('registry')
    expect(JSON.stringify(deployment().template)).not.toContain('persistentVolumeClaim')
    expect(outputs).toMatchObject({
      storage: { value: 'bucket acme-images (s3)' },
      volume: { value: 'protected' },
    })
  })

  it('lets it go in the second run with deleteImages', async () => {
    follows({ ...before, storage: 'bucket acme-images (s3)', volume: 'deletable' })
    await run(setting({ storage: { s3 }, deleteImages: true }))
    expect(all(CLAIM)).toEqual([])
  })
})

describe('a mistake', () => {
  it.each([
    [
      { storage: { s3: { bucket: 'Acme', region: 'eu-central-1' } } },
      'storage.s3.bucket: expected the name of a bucket',
    ],
    [
      { storage: { s3: { bucket: 'acme' } } },
      'storage.s3.region: expected a region, such as eu-central-1; it is not set',
    ],
    [{ storage: { s3: { ...s3, endpoint: 'minio:9000' } } }, 'storage.s3.endpoint: expected an http or https URL'],
    [{ storage: { s3: { ...s3, redirect: 'yes' } } }, 'storage.s3.redirect: expected true or false; it is "yes"'],
    [{ storage: { s3, gcs: { bucket: 'acme' } } }, 'storage: expected only one of s3, gcs or azure'],
    [{ storage: { nfs: { path: '/' } } }, 'storage: expected one of s3, gcs or azure; for a volume leave it unset'],
    [{ storage: 's3' }, 'storage: expected one of s3, gcs or azure'],
    [
      { storage: { azure: { account: 'a-b', container: 'c' } } },
      'storage.azure.account: expected the name of a storage',
    ],
    [
      { storage: { gcs: { bucket: 'acme', secret: 'key', serviceAccountAnnotations: { a: 'b' } } } },
      'storage.gcs.serviceAccountAnnotations: expected a Secret or an identity of the service account, not both',
    ],
    [
      {
        storage: {
          s3: {
            ...s3,
            endpoint: 'https://s3.acme',
            serviceAccountAnnotations: { 'eks.amazonaws.com/role-arn': 'arn' },
          },
        },
      },
      'expected no eks.amazonaws.com/role-arn beside an endpoint',
    ],
    [{ registryReplicas: 3 }, 'registryReplicas: expected a bucket in `storage`'],
    [{ autoscaling: { registry: { max: 3 } } }, 'autoscaling.registry: expected a bucket in `storage`'],
    [{ autoscaling: { tokenService: { min: 4, max: 3 } } }, 'autoscaling.tokenService: expected min to be at most max'],
  ])('%j', async (values, message) => {
    await expect(run(setting(values))).rejects.toThrow(message)
  })

  it('with a key in clear is refused without showing the key', async () => {
    const values = { storage: { s3: { accessKey: 'AKIA-in-clear', ...s3, secretKey: 'hunter2' } } }
    const refused = await run(setting(values)).catch(({ message }: Error) => message)
    expect(refused).toMatch(/keys belong in a Secret in the namespace.*it is one with "accessKey", "secretKey"/)
    expect(refused).not.toMatch(/AKIA|hunter2/)
  })
})

describe('the configuration of the check', () => {
  it('writes beside the images, without authentication, on the pod alone', () => {
    const config = storageCheckConfig(
      storageDriver({ s3: { ...s3, prefix: 'a', redirect: false, serviceAccountAnnotations: {} } }),
    )
    expect(config).toMatchObject({
      storage: { s3: { rootdirectory: 'a/storage-check' } },
      http: { addr: '127.0.0.1:5001' },
    })
    expect(config).not.toHaveProperty('auth')
  })
})
