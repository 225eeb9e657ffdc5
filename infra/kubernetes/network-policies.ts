/**
 * Who may talk to the pods, and to whom they may talk. A NetworkPolicy can name ports, namespaces and addresses but not
 * hosts, so `authentik.example.com` becomes "its port, anywhere", and a name within the cluster becomes its namespace.
 */
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import type { SourceKeys } from '../../trust/language/source-schema.ts'
import { CLEAN_UP } from './clean-up.ts'
import { labels, NAME_LABEL } from './labels.ts'
import { METRICS_PORT, REGISTRY_METRICS_PORT, REGISTRY_PORT, TOKEN_SERVICE_PORT } from './ports.ts'
import { PROBER, STRANGER } from './prober-accounts.ts'
import { STORAGE_CHECK } from './storage-check.ts'

/** 53 is where pods ask; 5353 is where the DNS pods of OpenShift listen behind it. */
const DNS_PORTS = [53, 5353]
/** Of the Service `kubernetes`, and those where API servers listen behind it. */
const KUBERNETES_API_PORTS = [443, 6443, 8443]
/** kubernetes.io/docs/reference/labels-annotations-taints: every namespace has its name in this label. */
const NAMESPACE_LABEL = 'kubernetes.io/metadata.name'

export interface ReachableFrom {
  /** Namespace of the ingress controller; undefined: from anywhere. */
  ingressNamespace: string | undefined
  /** Namespace of whoever reads metrics. */
  monitoringNamespace: string
}

const tcp = (port: number) => ({ protocol: 'TCP', port })
const namespaceNamed = (name: string) => ({ namespaceSelector: { matchLabels: { [NAMESPACE_LABEL]: name } } })
const anyNamespace = { namespaceSelector: {} }
const podNamed = (name: string) => ({ podSelector: { matchLabels: labels(name) } })

/** The namespace of a host name in the cluster, as seen from `own`; undefined for all others. */
export function namespaceOf(host: string, own: string): string | undefined {
  // kubernetes.io, "DNS for Services and Pods": service, service.namespace, service.namespace.svc[.cluster domain].
  const [service, namespace, svc, ...domain] = host.split('.')
  if (service === undefined || /^\d/.test(host) || host === 'localhost') return undefined
  if (namespace === undefined) return own
  const isInCluster = svc === 'svc' && (domain.length === 0 || domain.at(-1) === 'local')
  return isInCluster ? namespace : undefined
}

/** Rules for calls to these URLs. */
function egressTo(urls: readonly string[], own: string, { ingressNamespace }: Pick<ReachableFrom, 'ingressNamespace'>) {
  const parsed = urls.map((url) => new URL(url))
  const namespaces = new Set<string>()
  const ports = new Set<number>()
  for (const { hostname, port, protocol } of parsed) {
    const namespace = namespaceOf(hostname, own)
    if (namespace === undefined) ports.add(Number(port) || (protocol === 'https:' ? 443 : 80))
    else namespaces.add(namespace)
  }
  // A public name may lead back into the cluster, to the ingress controller, at any port.
  if (ports.size > 0 && ingressNamespace !== undefined) namespaces.add(ingressNamespace)
  return [
    ...(ports.size > 0 ? [{ ports: [...ports].sort((one, other) => one - other).map(tcp) }] : []),
    // The policy applies to the pod behind a Service, whose port can differ; so all ports of the namespace are open.
    ...(namespaces.size > 0 ? [{ to: [...namespaces].sort().map(namespaceNamed) }] : []),
  ]
}

const DNS = { ports: DNS_PORTS.flatMap((port) => ['UDP', 'TCP'].map((protocol) => ({ protocol, port }))) }

/**
 * The metadata services of Amazon, Google and Azure, each at link-local addresses and these ports
 * (cloud.google.com/kubernetes-engine/docs/how-to/workload-identity: 80, 988; docs.aws.amazon.com, "EKS Pod Identity").
 */
const METADATA_SERVICE = {
  to: [{ ipBlock: { cidr: '169.254.0.0/16' } }, { ipBlock: { cidr: 'fd00:ec2::/32' } }],
  ports: [tcp(80), tcp(988)],
}

/** Labels of pods that use the storage: the registry, and what works on its images. */
export const STORAGE_USERS = ['registry', STORAGE_CHECK]

/** What a registry calls: nothing with a volume, else its bucket. */
export interface RegistryCalls {
  /** URLs, empty with a volume. */
  calls: readonly string[]
  /** Whether it asks the metadata service of its node who it is. */
  asksNode: boolean
}

/** Where requests come from: the ingress controller, and pods of the stack itself. */
const clients = ({ ingressNamespace }: Pick<ReachableFrom, 'ingressNamespace'>, pods: readonly string[]) =>
  ingressNamespace === undefined
    ? {}
    : {
        from: [namespaceNamed(ingressNamespace), ...pods.map(podNamed)],
      }

const toStorage = (from: ReachableFrom, { calls, asksNode }: RegistryCalls, own: string) => [
  ...egressTo(calls, own, from),
  ...(asksNode ? [METADATA_SERVICE] : []),
]

/**
 * The specification for the registry: only its clients and monitoring get in, and it calls only its bucket and the URL
 * that takes its events.
 */
export const registryPolicy = (
  from: ReachableFrom,
  storage: RegistryCalls,
  own: string,
  eventCalls: readonly string[] = [],
) => ({
  podSelector: { matchExpressions: [{ key: NAME_LABEL, operator: 'In', values: STORAGE_USERS }] },
  policyTypes: ['Ingress', 'Egress'],
  ingress: [
    {
      ports: [tcp(REGISTRY_PORT)],
      ...clients(from, [CLEAN_UP, PROBER, STRANGER]),
    },
    // Beside the metrics the port has Go's profiler, so it is not for every pod of the cluster.
    { ports: [tcp(REGISTRY_METRICS_PORT)], from: [namespaceNamed(from.monitoringNamespace)] },
  ],
  egress:
    storage.calls.length + eventCalls.length === 0
      ? []
      : [DNS, ...toStorage(from, { ...storage, calls: [...storage.calls, ...eventCalls] }, own)],
})

/**
 * The specification for the clean-up: nobody gets in. It calls the Kubernetes API, wherever that is, the pods of its
 * own namespace, and what the registry calls.
 */
export const cleanUpPolicy = (from: ReachableFrom, storage: RegistryCalls, own: string) => ({
  podSelector: { matchLabels: labels(CLEAN_UP) },
  policyTypes: ['Ingress', 'Egress'],
  ingress: [],
  egress: [
    DNS,
    { ports: KUBERNETES_API_PORTS.map(tcp) },
    { to: [{ podSelector: {} }] },
    ...toStorage(from, storage, own),
  ],
})

/** The specification for a prober: readers of its metrics get in, and it calls the token service and the registry. */
export const proberPolicy = (name: string) => ({
  podSelector: { matchLabels: labels(name) },
  policyTypes: ['Ingress', 'Egress'],
  ingress: [{ ports: [tcp(METRICS_PORT)], from: [anyNamespace] }],
  egress: [
    DNS,
    { ports: [tcp(TOKEN_SERVICE_PORT)], to: [podNamed('token-service')] },
    { ports: [tcp(REGISTRY_PORT)], to: [podNamed('registry')] },
  ],
})

/**
 * The specification for the token service: it accepts its clients, and readers of metrics in the cluster. It
 * may call DNS, authentik, the issuers and whatever else its settings name.
 *
 * @param urls of everything that it calls
 * @param own the namespace in which it runs
 * @param asksCluster whether it asks the API server of its cluster
 */
export const tokenServicePolicy = (
  from: ReachableFrom,
  urls: readonly string[],
  own: string,
  asksCluster: boolean,
) => ({
  podSelector: { matchLabels: labels('token-service') },
  policyTypes: ['Ingress', 'Egress'],
  ingress: [
    {
      ports: [tcp(TOKEN_SERVICE_PORT)],
      ...clients(from, [CLEAN_UP, 'pull-secret', PROBER, STRANGER]),
    },
    { ports: [tcp(METRICS_PORT)], from: [anyNamespace] },
  ],
  egress: [DNS, ...(asksCluster ? [{ ports: KUBERNETES_API_PORTS.map(tcp) }] : []), ...egressTo(urls, own, from)],
})

/**
 * Every URL that the token service calls, from the stack's settings. It reaches all others than noProxy through the
 * proxy.
 */
export function callsOf(settings: {
  authentikUrl: string
  sources: readonly { keys: SourceKeys; issuer: string }[]
  proxy: string | undefined
  environment: Readonly<Record<string, string>>
}): string[] {
  const keys = settings.sources.flatMap(({ keys: of }) =>
    'jwksUrl' in of ? [of.jwksUrl] : 'wellKnownUrl' in of ? [of.wellKnownUrl] : [],
  )
  const collectors = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'].flatMap((name) => {
    const url = settings.environment[name]
    return url !== undefined && URL.canParse(url) ? [url] : []
  })
  return [settings.authentikUrl, ...keys, ...collectors, ...(settings.proxy === undefined ? [] : [settings.proxy])]
}

/** What the registry calls for its storage, directly or through the proxy. */
export function registryCallsOf(
  { calls, asksNode }: RegistryCalls,
  { proxy }: { proxy: string | undefined },
): RegistryCalls {
  return { calls: calls.length === 0 || proxy === undefined ? calls : [...calls, proxy], asksNode }
}

export interface NetworkPoliciesArgs extends ReachableFrom {
  namespace: pulumi.Input<string>
  /** The same, as in the configuration. */
  namespaceName: string
  /** URLs that the token service calls. */
  calls: readonly string[]
  /** Whether the token service asks the API server of its cluster. */
  asksCluster: boolean
  registry: RegistryCalls
  /** URLs that get its events, or lead there. */
  eventCalls: readonly string[]
  hasCleanUp: boolean
  hasProbers: boolean
}

/** A policy for each kind of pod. */
export class NetworkPolicies extends pulumi.ComponentResource {
  constructor(args: NetworkPoliciesArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:kubernetes:NetworkPolicies', 'network-policies', {}, opts)
    const specs = {
      registry: registryPolicy(args, args.registry, args.namespaceName, args.eventCalls),
      'token-service': tokenServicePolicy(args, args.calls, args.namespaceName, args.asksCluster),
      ...(args.hasProbers && { [PROBER]: proberPolicy(PROBER), [STRANGER]: proberPolicy(STRANGER) }),
      ...(args.hasCleanUp && { [CLEAN_UP]: cleanUpPolicy(args, args.registry, args.namespaceName) }),
    }
    for (const [name, spec] of Object.entries(specs)) {
      new kubernetes.networking.v1.NetworkPolicy(
        name,
        { metadata: { name, namespace: args.namespace, labels: labels(name) }, spec },
        { parent: this },
      )
    }
    this.registerOutputs({})
  }
}
