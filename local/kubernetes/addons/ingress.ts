/** zalando/skipper as the cluster's Ingress controller, IngressClass `skipper`. */
import { type Addon, clusterRole, deployment, labelsOf, type Manifest } from './addon.ts'

const name = 'skipper'
const namespace = 'kube-system'
const PORT = 9999

export const ingressClass = name
/** The Service that takes the requests, and its port. */
export const ingressService = { namespace, service: name, port: 80 }

const flags = [
  `-address=:${PORT}`,
  '-support-listener=:9911',
  '-kubernetes',
  '-kubernetes-in-cluster',
  `-kubernetes-ingress-class=^${ingressClass}$`,
  '-enable-kubernetes-endpointslices',
  '-kubernetes-https-redirect=false',
  '-wait-first-route-load',
  '-source-poll-timeout=500',
  // The registry and the token service build URLs from the name that the client used.
  '-proxy-preserve-host',
  '-access-log-disabled',
  // No load balancer stands in front that would have to notice an end first.
  '-wait-for-healthcheck-interval=0',
]

export function ingress(image: string): Addon {
  const metadata = { name, namespace, labels: labelsOf(name) }
  const objects: Manifest[] = [
    ...clusterRole(name, { kind: 'ServiceAccount', name, namespace }, [
      { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'ingressclasses'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['namespaces', 'services', 'endpoints', 'pods'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
    ]),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: ingressClass },
      spec: { controller: 'zalando.org/skipper' },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        selector: labelsOf(name),
        ports: [{ name: 'http', port: ingressService.port, targetPort: PORT }],
      },
    },
    deployment(metadata, {
      serviceAccountName: name,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name,
          image,
          args: flags,
          // Answered once the first routes are loaded.
          readinessProbe: { httpGet: { path: '/kube-system/healthz', port: PORT }, periodSeconds: 1 },
        },
      ],
    }),
  ]
  return { name, namespace, objects }
}
