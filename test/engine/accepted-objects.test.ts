/**
 * A real API server takes every object of the stack, on a volume and on a bucket, and the way from one to the other;
 * and what is for the Prometheus operator, once it knows its kinds. It says what the stack's accounts may do, and which
 * objects have what is secret.
 */
import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { findMonitoringKinds } from '../../infra/monitoring/kinds.ts'
import { objectName } from '../../infra/program.fixture.ts'
import { example, useProgram } from '../../infra/run-program.fixture.ts'
import { ensureTool } from '../../local/toolchain/index.ts'
import { monitoringDefinitions } from '../monitoring/definitions.ts'
import { type ApiServer, startApiServer } from './api-server.ts'

const { run, follows, made } = useProgram()
const OWN = 'passwordless-registry'
/** Bytes of what kubectl prints: all objects of a kind. */
const MAX_OUTPUT = 64 * 1024 * 1024

let cluster: ApiServer
beforeAll(async () => {
  cluster = await startApiServer()
})
afterAll(() => cluster?.close())

const kubectl = async (...args: string[]) => {
  const env = { KUBECONFIG: cluster.kubeconfig, HOME: tmpdir() }
  return (await promisify(execFile)(await ensureTool('kubernetes'), args, { env, maxBuffer: MAX_OUTPUT })).stdout
}

/** Applies what the program wants, as its provider does: by one field manager, and by force of none. */
async function apply(settings: Record<string, unknown>): Promise<string> {
  const prefixed = Object.entries(settings).map(([name, value]) => [`passwordless-registry:${name}`, value])
  const before = made().length
  const access = { 'kubernetes:kubeconfig': cluster.kubeconfig, 'kubernetes:context': 'test' }
  await run({ ...example(), ...access, ...Object.fromEntries(prefixed) })
  const items = made()
    .slice(before)
    // What it only looks up has no inputs.
    .filter(({ type, inputs }) => type.startsWith('kubernetes:') && inputs.metadata !== undefined)
    .map((object) => {
      const { type, inputs } = object
      const [, group = '', kind] = type.split(':')
      const metadata = { ...inputs.metadata, name: objectName(object) }
      return { ...inputs, apiVersion: group.replace(/^core\//, ''), kind, metadata }
    })
  expect(items.length).toBeGreaterThan(5)
  const file = join(tmpdir(), `objects-${process.pid}.json`)
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  try {
    return await kubectl('apply', '--server-side', '--field-manager=pulumi', '--validate=strict', '-f', file)
  } finally {
    await rm(file)
  }
}

const registry = async () =>
  (await cluster.request('GET', '/apis/apps/v1/namespaces/passwordless-registry/deployments/registry')) as {
    spec: {
      replicas: number
      strategy: object
      template: { spec: { volumes: { name: string }[]; initContainers?: object[] } }
    }
  }

it('on a volume, on a bucket with autoscalers, and back', async () => {
  await apply({})
  expect((await registry()).spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } })

  const onVolume = { registry: 'registry.example.com', storage: 'the volume', volume: 'protected' }
  follows(onVolume)
  const storage = { s3: { bucket: 'acme', region: 'eu-central-1', secret: 'keys', redirect: true } }
  const events = 'https://siem.example.com/events'
  const applied = await apply({
    storage,
    events,
    probers: true,
    autoscaling: { registry: { max: 5 }, tokenService: { max: 3, cpu: '250m' } },
  })
  expect(applied).toMatch(/job.batch\/registry-storage-check serverside-applied/)
  expect(applied).toMatch(/horizontalpodautoscaler.autoscaling\/registry serverside-applied/)
  const { spec } = await registry()
  expect(spec).toMatchObject({
    replicas: 2,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
  })
  expect(spec.template.spec.volumes.map(({ name }) => name)).toEqual(['files', 'registry-events'])
  expect(spec.template.spec.initContainers).toMatchObject([{ name: 'events', restartPolicy: 'Always' }])

  await apply({})
  expect((await registry()).spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } })
  expect((await registry()).spec.strategy).not.toHaveProperty('rollingUpdate')
  expect((await registry()).spec.template.spec.initContainers).toBeUndefined()
  // Nothing here deletes what the program no longer wants, and an autoscaler would go on changing the number of pods.
  await kubectl('delete', 'hpa', '--all', '-n', OWN)
})

describe('with all that has an account or a secret', () => {
  const TOKEN = 'token-of-the-siem-4711'

  it('is taken', async () => {
    await cluster.request('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } })
    const applied = await apply({
      events: 'https://siem.example.com/events',
      eventsToken: TOKEN,
      clusterPulls: ['shop'],
      pullSecrets: [{ namespace: 'shop', serviceAccounts: ['default'] }],
      garbageCollection: { schedule: '30 3 * * 0' },
      retention: { rules: [{ repositories: ['acme/**'], keep: { newest: 20 } }] },
      probers: true,
    })
    expect(applied).toMatch(/cronjob.batch\/registry-clean-up serverside-applied/)
  })

  it('the token of the events is in one Secret, to which the pod refers, and nowhere else', async () => {
    type Variable = { name: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }
    const containers = (await registry()).spec.template.spec.initContainers as { env: Variable[] }[]
    const { name, key } =
      containers[0]?.env.find((variable) => variable.name === 'EVENTS_TOKEN')?.valueFrom?.secretKeyRef ?? {}
    const kinds = (await kubectl('api-resources', '--verbs=list', '-o', 'name')).trim().split('\n')
    expect(kinds).toEqual(expect.arrayContaining(['secrets', 'configmaps', 'pods', 'replicasets.apps', 'events']))
    const held: string[] = []
    for (const kind of kinds) {
      const { items } = JSON.parse(await kubectl('get', kind, '--all-namespaces', '-o', 'json')) as { items: Held[] }
      held.push(...items.filter(holds(TOKEN)).map(({ kind, metadata }) => `${kind} ${metadata.name}`))
    }
    expect(held).toEqual([`Secret ${name}`])
    const secret = await cluster.request('GET', `/api/v1/namespaces/passwordless-registry/secrets/${name}`)
    const { data } = secret as { data: Record<string, string> }
    expect(Buffer.from(data[key ?? ''] ?? '', 'base64').toString()).toBe(TOKEN)
  })

  it.each<[account: string, namespace: string, may: string[]]>([
    ['registry', OWN, ['configmaps [] [registry-clean-up] [get patch]']],
    ['registry', 'shop', []],
    ['token-service', OWN, ['tokenreviews.authentication.k8s.io [] [] [create]']],
    ['token-service', 'kube-system', ['tokenreviews.authentication.k8s.io [] [] [create]']],
    ['prober', OWN, []],
    ['prober-stranger', OWN, []],
    ['pull-secret-shop', OWN, []],
    ['pull-secret-shop', 'kube-system', []],
    [
      'pull-secret-shop',
      'shop',
      ['secrets [] [passwordless-registry] [patch]', 'serviceaccounts [] [default] [patch]'],
    ],
  ])('can-i: %s may in %s what it needs, and nothing else', async (account, namespace, may) => {
    await vi.waitFor(async () => expect(await rightsOf(account, namespace)).toEqual(may), { timeout: 20_000 })
    const accounts = (await kubectl('get', 'serviceaccounts', '-n', OWN, '-o', 'name')).trim().split('\n')
    expect(accounts).toContain(`serviceaccount/${account}`)
  })

  it('can-i: a node may ask for tokens for the audience of the registry, and for no other', async () => {
    const may = async (audience: string, ...groups: string[]) => {
      const spec = {
        ...{ user: 'system:node:one', groups: ['system:authenticated', ...groups] },
        resourceAttributes: { verb: 'request-serviceaccounts-token-audience', resource: audience },
      }
      const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
      const { status } = (await cluster.request('POST', path, { spec })) as { status: { allowed: boolean } }
      return status.allowed
    }
    expect(await may('registry.example.com', 'system:nodes')).toBe(true)
    expect(await may('registry.example.com')).toBe(false)
    expect(await may('https://kubernetes.default.svc', 'system:nodes')).toBe(false)
  })

  it('no other account is there than these', async () => {
    const accounts = (await kubectl('get', 'serviceaccounts', '-n', OWN, '-o', 'name')).trim().split('\n')
    const names = accounts.map((name) => name.replace('serviceaccount/', '')).filter((name) => name !== 'default')
    expect(names.toSorted()).toEqual(['prober', 'prober-stranger', 'pull-secret-shop', 'registry', 'token-service'])
  })
})

interface Held {
  kind: string
  metadata: { name: string }
}

/** Whether an object has a text, as it is or in base64. */
const holds = (text: string) => (object: Held) => {
  const written = JSON.stringify(object)
  return written.includes(text) || written.includes(Buffer.from(text).toString('base64'))
}

/** What an account may do in a namespace beyond what any account may. */
async function rightsOf(account: string, namespace: string): Promise<string[]> {
  const list = async (name: string) => {
    const user = `--as=system:serviceaccount:${OWN}:${name}`
    const lines = (await kubectl('auth', 'can-i', '--list', user, '-n', namespace)).split('\n')
    return lines.map((line) => line.trim().replaceAll(/\s+/g, ' ')).filter(Boolean)
  }
  const any = new Set(await list('of-nothing'))
  return (await list(account)).filter((line) => !any.has(line)).toSorted()
}

const MONITORING = '/apis/monitoring.coreos.com/v1'

it('what the Prometheus operator reads, from the run on in which the cluster has its kinds', async () => {
  expect(await apply({})).not.toContain('monitoring.coreos.com')
  for (const definition of await monitoringDefinitions()) {
    await cluster.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
  }
  const kinds = async () => findMonitoringKinds({ kubeconfig: cluster.kubeconfig, context: undefined })
  await vi.waitFor(async () => expect(await kinds()).toHaveProperty('size', 3), { timeout: 60_000, interval: 200 })

  const applied = await apply({ monitoring: { labels: { release: 'prometheus' } } })
  for (const object of ['servicemonitor', 'podmonitor', 'prometheusrule']) {
    expect(applied).toMatch(new RegExp(`^${object}.monitoring.coreos.com/\\S+ serverside-applied$`, 'm'))
  }
  const path = `${MONITORING}/namespaces/passwordless-registry/prometheusrules`
  const rule = (await cluster.request('GET', `${path}/registry-alerts`)) as { spec: { groups: object[] } }
  const wrong = { ...rule, metadata: { name: 'wrong' }, spec: { groups: [{ ...rule.spec.groups[0], every: '15s' }] } }
  expect(await cluster.request('POST', `${path}?fieldValidation=Strict`, wrong)).toMatchObject({
    message: expect.stringContaining('unknown field "spec.groups[0].every"'),
  })
})
