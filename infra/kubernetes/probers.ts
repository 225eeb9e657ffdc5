/**
 * Two pods that use the registry every minute, as service accounts of the cluster: one has to push and pull, the other,
 * which no rule names, has to be refused. What they find is on `/metrics`.
 */
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { proberFileName } from '../../prober/bundle.ts'
import type { roles } from '../../prober/environment.ts'
import type { BundleFiles } from '../../service/bundle.ts'
import { conflictAdvice } from './conflict-advice.ts'
import { DEPLOYMENT_TIMEOUTS, labels } from './labels.ts'
import { type PodSettings, podExtras } from './pod-settings.ts'
import { METRICS_PORT, REGISTRY_PORT, TOKEN_SERVICE_PORT } from './ports.ts'
import { PROBE_REPOSITORY, PROBER, STRANGER } from './prober-accounts.ts'
import { CONTAINER_SECURITY, RESTRICTED_POD } from './restricted.ts'
import { versionedFiles } from './versioned-files.ts'

const CODE_DIR = '/srv/prober'
const CI_TOKEN_DIR = '/var/run/secrets/registry'
/** Kubernetes renews a projected token when a fifth of its lifetime is left. */
const TOKEN_SECONDS = 3600
const RESOURCES = { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '128Mi' } }

export interface ProbersArgs {
  namespace: pulumi.Input<string>
  /** An image with Node.js, and the code that runs on it. */
  nodeImage: string
  bundle: BundleFiles
  /** Names of the Services. */
  tokenService: pulumi.Input<string>
  registry: pulumi.Input<string>
  clientId: string
  /** Of the accounts' tokens. */
  audience: string
  pods: PodSettings
}

export class Probers extends pulumi.ComponentResource {
  constructor(args: ProbersArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:kubernetes:Probers', 'probers', {}, opts)
    const code = versionedFiles(`${PROBER}-code`, { namespace: args.namespace, files: args.bundle }, this)
    this.#prober(PROBER, 'owner', args, code.metadata.name)
    this.#prober(STRANGER, 'stranger', args, code.metadata.name)
    this.registerOutputs({})
  }

  #prober(name: string, role: (typeof roles)[number], args: ProbersArgs, code: pulumi.Input<string>) {
    const child = { parent: this, hooks: conflictAdvice() }
    const { namespace } = args
    const metadata = { name, namespace, labels: labels(name) }
    const account = new kubernetes.core.v1.ServiceAccount(
      name,
      { metadata, automountServiceAccountToken: false },
      child,
    )
    const extras = podExtras(args.pods, 'probers', RESOURCES)
    new kubernetes.apps.v1.Deployment(
      name,
      {
        metadata: { ...metadata, labels: { ...extras.labels, ...metadata.labels } },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels(name) },
          // Two at once would delete each other's image.
          strategy: { type: 'Recreate' },
          template: {
            metadata: {
              labels: { ...extras.labels, ...labels(name) },
              annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(METRICS_PORT) },
            },
            spec: {
              ...extras.spec,
              serviceAccountName: account.metadata.name,
              ...RESTRICTED_POD,
              containers: [
                {
                  name: PROBER,
                  image: args.nodeImage,
                  command: ['node', '--enable-source-maps', `${CODE_DIR}/${proberFileName}`],
                  env: [
                    { name: 'PROBER', value: role },
                    { name: 'REGISTRY_URL', value: pulumi.interpolate`http://${args.registry}:${REGISTRY_PORT}` },
                    {
                      name: 'TOKEN_URL',
                      value: pulumi.interpolate`http://${args.tokenService}:${TOKEN_SERVICE_PORT}/token`,
                    },
                    { name: 'CLIENT_ID', value: args.clientId },
                    { name: 'REPOSITORY', value: PROBE_REPOSITORY },
                    { name: 'CI_TOKEN_FILE', value: `${CI_TOKEN_DIR}/token` },
                    { name: 'METRICS_PORT', value: String(METRICS_PORT) },
                  ],
                  ports: [{ name: 'metrics', containerPort: METRICS_PORT }],
                  startupProbe: { httpGet: { path: '/live', port: 'metrics' }, periodSeconds: 1, failureThreshold: 60 },
                  livenessProbe: { httpGet: { path: '/live', port: 'metrics' }, periodSeconds: 10 },
                  resources: extras.resources,
                  securityContext: CONTAINER_SECURITY,
                  volumeMounts: [
                    { name: 'code', mountPath: CODE_DIR, readOnly: true },
                    { name: 'ci-token', mountPath: CI_TOKEN_DIR, readOnly: true },
                  ],
                },
              ],
              volumes: [
                { name: 'code', configMap: { name: code } },
                {
                  name: 'ci-token',
                  projected: {
                    sources: [
                      {
                        serviceAccountToken: {
                          path: 'token',
                          audience: args.audience,
                          expirationSeconds: TOKEN_SECONDS,
                        },
                      },
                    ],
                  },
                },
              ],
            },
          },
        },
      },
      { ...child, customTimeouts: DEPLOYMENT_TIMEOUTS },
    )
  }
}
