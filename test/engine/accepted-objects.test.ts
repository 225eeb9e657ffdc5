/**
 * A real API server takes every object of the stack, on a volume and on a bucket, and the way from one to the other;
 * and what is for the Prometheus operator, once it knows its kinds.
 */
import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { findMonitoringKinds } from '../../infra/monitoring/kinds.ts'
import { example, useProgram } from '../../infra/run-program.fixture.ts'
import { ensureTool } from '../../local/toolchain/index.ts'
import { monitoringDefinitions } from '../monitoring/definitions.ts'
import { type ApiServer, startApiServer } from './api-server.ts'

const { run, follows, made } = useProgram()

let cluster: ApiServer
beforeAll(async () => {
  cluster = await startApiServer()
})
afterAll(() => cluster?.close())

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
    .map(({ type, name, inputs }) => {
      const [, group = '', kind] = type.split(':')
      // Without a name the provider makes one.
      const metadata = { ...inputs.metadata, name: inputs.metadata.name ?? name }
      return { ...inputs, apiVersion: group.replace(/^core\//, ''), kind, metadata }
    })
  expect(items.length).toBeGreaterThan(5)
  const file = join(tmpdir(), `objects-${process.pid}.json`)
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  const args = ['apply', '--server-side', '--field-manager=pulumi', '--validate=strict', '-f', file]
  const kubectl = await ensureTool('kubernetes')
  try {
    return (await promisify(execFile)(kubectl, args, { env: { KUBECONFIG: cluster.kubeconfig, HOME: tmpdir() } }))
      .stdout
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
})

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
