/** CoreDNS: the names of Services. Nothing beyond the cluster is resolved, as nothing beyond it can be reached. */
import { network } from '../layout.ts'
import { type Addon, clusterRole, deployment, labelsOf, type Manifest } from './addon.ts'

const name = 'coredns'
const namespace = 'kube-system'

const corefile = `.:5353 {
  errors
  health :8081
  ready :8181
  kubernetes ${network.domain} in-addr.arpa ip6.arpa {
    pods insecure
    ttl 5
  }
  cache 5
}
`

export function dns(image: string): Addon {
  const metadata = { name, namespace, labels: labelsOf(name) }
  const objects: Manifest[] = [
    ...clusterRole(`system:${name}`, { kind: 'ServiceAccount', name, namespace }, [
      { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ]),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: corefile } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, name: 'kube-dns' },
      spec: {
        clusterIP: network.dnsServiceAddress,
        selector: labelsOf(name),
        ports: [
          { name: 'dns', protocol: 'UDP', port: 53, targetPort: 5353 },
          { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: 5353 },
        ],
      },
    },
    deployment(metadata, {
      serviceAccountName: name,
      dnsPolicy: 'Default',
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name,
          image,
          args: ['-conf', '/etc/coredns/Corefile'],
          readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1 },
          volumeMounts: [{ name: 'config', mountPath: '/etc/coredns' }],
        },
      ],
      volumes: [{ name: 'config', configMap: { name } }],
    }),
  ]
  return { name, namespace, objects }
}
