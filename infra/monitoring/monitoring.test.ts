import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FakeCluster, startFakeCluster } from '../kubernetes/cluster-api.fixture.ts'
import { example, useProgram } from '../run-program.fixture.ts'

const { run, made, one } = useProgram()
const KINDS = '/apis/monitoring.coreos.com/v1'
const CUSTOM = 'kubernetes:monitoring.coreos.com/v1:'

let cluster: FakeCluster
beforeAll(async () => {
  cluster = await startFakeCluster()
})
beforeEach(() => {
  cluster.answers = {}
  cluster.asked.length = 0
})
afterAll(() => cluster[Symbol.asyncDispose]())

const has = (...kinds: string[]) => {
  const resources = kinds.map((kind) => ({
    name: `${kind.toLowerCase()}s`,
    singularName: '',
    namespaced: true,
    kind,
    verbs: [],
  }))
  const body = { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'monitoring.coreos.com/v1', resources }
  cluster.answers[KINDS] = { status: 200, body: JSON.stringify(body) }
}
const runWith = (settings: Record<string, unknown> = {}) =>
  run({ ...example(), 'kubernetes:kubeconfig': cluster.kubeconfig, ...settings })
const custom = () =>
  made()
    .flatMap(({ type, inputs }) => (type.startsWith(CUSTOM) ? [`${inputs.kind} ${inputs.metadata.name}`] : []))
    .sort()

describe('what watches the stack', () => {
  it('is the dashboard alone where the cluster has no operator', async () => {
    await runWith()
    expect(custom()).toEqual([])
    const { metadata, data } = one('kubernetes:core/v1:ConfigMap', 'dashboard').inputs
    expect(metadata).toMatchObject({ name: 'dashboard', labels: { grafana_dashboard: '1' } })
    expect(Object.keys(data)).toEqual(['registry-passwordless-registry.json'])
  })

  it('follows the kinds that the cluster has at that run', async () => {
    has('Prometheus', 'ServiceMonitor')
    await runWith()
    expect(custom()).toEqual(['ServiceMonitor token-service'])
  })

  it('is alerts and what to scrape, with the labels by which Prometheus selects', async () => {
    has('PodMonitor', 'PrometheusRule', 'ServiceMonitor')
    await runWith({
      'passwordless-registry:monitoring': { namespace: 'observability', labels: { release: 'prometheus' } },
      'passwordless-registry:ciSource': 'acme/registry@v1.0.0',
    })
    expect(custom()).toEqual(['PodMonitor registry', 'PrometheusRule registry-alerts', 'ServiceMonitor token-service'])
    const alerts = made().find(({ inputs }) => inputs.kind === 'PrometheusRule')?.inputs
    expect(alerts.metadata.labels).toMatchObject({ release: 'prometheus' })
    expect(alerts.spec.groups[0].rules[0].annotations.runbook_url).toBe(
      'https://github.com/acme/registry/blob/v1.0.0/docs/monitoring.md#requestsfail',
    )
    const policy = one('kubernetes:networking.k8s.io/v1:NetworkPolicy', 'registry').inputs.spec
    expect(policy.ingress).toContainEqual({
      ports: [{ protocol: 'TCP', port: 5001 }],
      from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'observability' } } }],
    })
  })

  it('is nothing where the stack says so, and the cluster is not asked', async () => {
    await runWith({ 'passwordless-registry:monitoring': { objects: false } })
    expect(made().filter(({ name }) => name === 'dashboard')).toEqual([])
    expect(cluster.asked.filter((request) => request.startsWith(KINDS))).toEqual([])
  })
})

describe('a cluster that does not say which kinds it has', () => {
  it.each([
    ['refuses', 403],
    ['fails', 500],
  ])('ends the run where it %s, so that no alert is taken away', async (_, status) => {
    cluster.answers[KINDS] = { status, body: '{}' }
    await expect(runWith()).rejects.toThrow(
      new RegExp(
        `does not say whether it has the kinds of the Prometheus operator \\(${status}\\)[\\s\\S]*monitoring.objects`,
      ),
    )
    expect(made()).toEqual([])
  })

  it('ends it where it cannot be reached', async () => {
    const gone = await startFakeCluster()
    await gone[Symbol.asyncDispose]()
    await expect(runWith({ 'kubernetes:kubeconfig': gone.kubeconfig })).rejects.toThrow(
      /cannot be reached \(ECONNREFUSED\)/,
    )
    expect(made()).toEqual([])
  })
})
