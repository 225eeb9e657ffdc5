import { describe, expect, it } from 'vitest'
import { labels } from './labels.ts'
import { callsOf, namespaceOf, registryPolicy, tokenServicePolicy } from './network-policies.ts'

describe('namespaceOf', () => {
  it.each([
    ['authentik.login.svc.cluster.local', 'login'],
    ['authentik.login.svc', 'login'],
    ['authentik-server', 'registry'],
    ['authentik.example.com', undefined],
    ['authentik.svc.example.com', undefined],
    ['example.com', undefined],
    ['10.0.0.7', undefined],
    ['localhost', undefined],
  ])('%s is in namespace %s', (host, namespace) => {
    expect(namespaceOf(host, 'registry')).toBe(namespace)
  })
})

const named = (name: string) => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } })
const cleanUp = { podSelector: { matchLabels: labels('registry-clean-up') } }
const pullSecret = { podSelector: { matchLabels: labels('pull-secret') } }
const probers = ['prober', 'prober-stranger'].map((name) => ({ podSelector: { matchLabels: labels(name) } }))
const tcp = (...ports: number[]) => ports.map((port) => ({ protocol: 'TCP', port }))

describe('registryPolicy', () => {
  const NONE = { calls: [], asksNode: false }
  const metrics = { ports: tcp(5001), from: [named('monitoring')] }
  const DNS = { ports: [53, 5353].flatMap((port) => ['UDP', 'TCP'].map((protocol) => ({ protocol, port }))) }

  it('lets the ingress controller in, and nothing out where the images are on a volume', () => {
    expect(
      registryPolicy({ ingressNamespace: 'ingress-nginx', monitoringNamespace: 'monitoring' }, NONE, 'registry'),
    ).toEqual({
      podSelector: {
        matchExpressions: [
          { key: 'app.kubernetes.io/name', operator: 'In', values: ['registry', 'registry-storage-check'] },
        ],
      },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: tcp(5000), from: [named('ingress-nginx'), cleanUp, ...probers] }, metrics],
      egress: [],
    })
  })

  it('lets anyone in at its port, and at no other, where the controller is not named', () => {
    expect(
      registryPolicy({ ingressNamespace: undefined, monitoringNamespace: 'monitoring' }, NONE, 'registry').ingress,
    ).toEqual([{ ports: tcp(5000) }, metrics])
  })

  it('lets out to the bucket', () => {
    const to = (calls: string[], asksNode = false) =>
      registryPolicy(
        { ingressNamespace: undefined, monitoringNamespace: 'monitoring' },
        { calls, asksNode },
        'registry',
      ).egress
    expect(to(['https://s3.example.com:9000'])).toEqual([DNS, { ports: tcp(9000) }])
    expect(to(['http://s3.storage.svc:9000'])).toEqual([DNS, { to: [named('storage')] }])
  })

  it('lets out to the metadata service where that says who the registry is', () => {
    const { egress } = registryPolicy(
      { ingressNamespace: undefined, monitoringNamespace: 'monitoring' },
      { calls: ['https://storage.googleapis.com'], asksNode: true },
      'registry',
    )
    expect(egress).toEqual([
      DNS,
      { ports: tcp(443) },
      { to: [{ ipBlock: { cidr: '169.254.0.0/16' } }, { ipBlock: { cidr: 'fd00:ec2::/32' } }], ports: tcp(80, 988) },
    ])
  })
})

describe('tokenServicePolicy', () => {
  it('lets it ask the API server of its cluster only where it does', () => {
    const ports = [443, 6443, 8443].map((port) => ({ protocol: 'TCP', port }))
    const from = { ingressNamespace: undefined, monitoringNamespace: 'monitoring' }
    const egress = (asks: boolean) => tokenServicePolicy(from, [], 'registry', asks).egress
    expect(egress(true)).toContainEqual({ ports })
    expect(egress(false)).not.toContainEqual({ ports })
  })

  const dns = { ports: [53, 5353].flatMap((port) => ['UDP', 'TCP'].map((protocol) => ({ protocol, port }))) }
  const egress = (urls: string[], ingressNamespace?: string) =>
    tokenServicePolicy({ ingressNamespace, monitoringNamespace: 'monitoring' }, urls, 'registry', false).egress

  it('lets the ingress controller and the refreshers of pull secrets in, and the cluster at the metrics', () => {
    expect(
      tokenServicePolicy({ ingressNamespace: 'traefik', monitoringNamespace: 'monitoring' }, [], 'registry', false)
        .ingress,
    ).toEqual([
      { ports: tcp(9001), from: [named('traefik'), cleanUp, pullSecret, ...probers] },
      { ports: tcp(9002), from: [{ namespaceSelector: {} }] },
    ])
  })

  it('lets out to names outside at their ports', () => {
    expect(egress(['https://a.example.com', 'https://b.example.com:8443/x', 'http://c.example.com'])).toEqual([
      dns,
      { ports: tcp(80, 443, 8443) },
    ])
  })

  it('lets out to names within the cluster at every port of their namespace, behind whatever port of a Service', () => {
    expect(egress(['http://authentik.login.svc:80', 'http://gitlab.ci.svc.cluster.local'])).toEqual([
      dns,
      { to: [named('ci'), named('login')] },
    ])
  })

  it('lets out to the ingress controller, where a public name may lead back into the cluster', () => {
    expect(egress(['https://authentik.example.com'], 'traefik')).toEqual([
      dns,
      { ports: tcp(443) },
      { to: [named('traefik')] },
    ])
    expect(egress(['http://authentik.login.svc'], 'traefik')).toEqual([dns, { to: [named('login')] }])
  })
})

it('callsOf names authentik, the issuers, the proxy and collectors of traces', () => {
  expect(
    callsOf({
      authentikUrl: 'https://authentik.example.com',
      sources: [
        { issuer: 'https://one.example.com', keys: { jwksUrl: 'https://one.example.com/jwks' } },
        {
          issuer: 'https://two.example.com',
          keys: { wellKnownUrl: 'https://two.example.com/.well-known/openid-configuration' },
        },
        { issuer: 'https://three.example.com', keys: { jwks: { keys: [] } } },
      ],
      proxy: 'http://proxy.example.com:3128',
      environment: { LOG_LEVEL: 'debug', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.otel.svc:4318' },
    }),
  ).toEqual([
    'https://authentik.example.com',
    'https://one.example.com/jwks',
    'https://two.example.com/.well-known/openid-configuration',
    'http://collector.otel.svc:4318',
    'http://proxy.example.com:3128',
  ])
})
