import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { type BundleFiles, bundleFileName, nodeOptions } from '../../service/bundle.ts'
import { DEPLOYMENT_TIMEOUTS, labels } from './labels.ts'
import { CONTAINER_SECURITY, POD_SECURITY } from './restricted.ts'
import { TOKEN_SERVICE_PORT } from './token-service-port.ts'
import { versionedFiles } from './versioned-files.ts'

const NAME = 'token-service'
const REPLICAS = 2
/** One pod's requests to authentik may take that long to finish after SIGTERM. */
const DRAIN_SECONDS = 30
const BUNDLE_DIR = '/srv/token-service'
const TRUST_DIR = '/etc/token-service'
const TRUST_FILE = 'trust.json'

/** An image that holds the token service, or an image of Node.js and the service's code as text. */
export type TokenServiceCode = { image: string } | { nodeImage: string; bundle: BundleFiles }

export interface TokenServiceArgs {
  namespace: pulumi.Input<string>
  code: TokenServiceCode
  /** authentik's token endpoint, as a pod reaches it. */
  tokenEndpoint: string
  clientId: pulumi.Input<string>
  /** The scope in authentik whose mapping writes `access`. */
  scope: string
  /** The client and the scope in authentik by which it gets sessions; undefined where there are none. */
  sessions: { clientId: pulumi.Input<string>; scope: string } | undefined
  /** The compiled trust rules, JSON: by them it tells a client early and in words why it is refused. */
  trustDocument: string
  /** The user name with which a client says that its password is a CI token. */
  jwtUserName: string
}

/** The service behind `/token`, which turns CI tokens into registry tokens at authentik. It holds no secret. */
export class TokenService extends pulumi.ComponentResource {
  readonly service: pulumi.Output<string>

  constructor(args: TokenServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:kubernetes:TokenService', NAME, {}, opts)
    const child = { parent: this }
    const { namespace } = args
    const metadata = { name: NAME, namespace, labels: labels(NAME) }
    const matchLabels = labels(NAME)

    const run = 'image' in args.code ? { image: args.code.image } : this.#runBundle(args.code, namespace)
    const { volumes, volumeMounts, ...container } = { volumes: [], volumeMounts: [], ...run }
    // A fixed name, and mounted as a whole folder: changed rules reach the running pods, which read the file again.
    const trust = new kubernetes.core.v1.ConfigMap(
      'trust',
      { metadata: { ...metadata, name: `${NAME}-trust` }, data: { [TRUST_FILE]: args.trustDocument } },
      child,
    )
    const deployment = new kubernetes.apps.v1.Deployment(
      NAME,
      {
        metadata,
        spec: {
          replicas: REPLICAS,
          selector: { matchLabels },
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
          template: {
            metadata: { labels: matchLabels },
            spec: {
              automountServiceAccountToken: false,
              enableServiceLinks: false,
              securityContext: POD_SECURITY,
              terminationGracePeriodSeconds: DRAIN_SECONDS,
              topologySpreadConstraints: [
                {
                  maxSkew: 1,
                  topologyKey: 'kubernetes.io/hostname',
                  whenUnsatisfiable: 'ScheduleAnyway',
                  labelSelector: { matchLabels },
                },
              ],
              containers: [
                {
                  name: NAME,
                  ...container,
                  env: [
                    { name: 'TOKEN_URL', value: args.tokenEndpoint },
                    { name: 'CLIENT_ID', value: args.clientId },
                    { name: 'SCOPE', value: args.scope },
                    { name: 'TRUST_FILE', value: `${TRUST_DIR}/${TRUST_FILE}` },
                    ...this.#sessionVariables(args.sessions),
                    { name: 'PASS_JWT_USERNAME', value: args.jwtUserName },
                    { name: 'LOG_LEVEL', value: 'info' },
                  ],
                  ports: [{ name: 'http', containerPort: TOKEN_SERVICE_PORT }],
                  startupProbe: { httpGet: { path: '/live', port: 'http' }, periodSeconds: 1, failureThreshold: 60 },
                  readinessProbe: { httpGet: { path: '/live', port: 'http' }, periodSeconds: 5 },
                  livenessProbe: { httpGet: { path: '/live', port: 'http' }, periodSeconds: 10 },
                  resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
                  securityContext: CONTAINER_SECURITY,
                  volumeMounts: [...volumeMounts, { name: 'trust', mountPath: TRUST_DIR, readOnly: true }],
                },
              ],
              volumes: [...volumes, { name: 'trust', configMap: { name: trust.metadata.name } }],
            },
          },
        },
      },
      { ...child, customTimeouts: DEPLOYMENT_TIMEOUTS },
    )
    new kubernetes.policy.v1.PodDisruptionBudget(
      NAME,
      { metadata, spec: { maxUnavailable: 1, selector: { matchLabels } } },
      child,
    )
    const service = new kubernetes.core.v1.Service(
      NAME,
      {
        metadata,
        spec: { selector: matchLabels, ports: [{ name: 'http', port: TOKEN_SERVICE_PORT, targetPort: 'http' }] },
      },
      // A Service is ready when it has a pod to send to.
      { ...child, dependsOn: [deployment] },
    )
    this.service = service.metadata.name
    this.registerOutputs({ service: this.service })
  }

  #sessionVariables(sessions: TokenServiceArgs['sessions']) {
    if (sessions === undefined) return []
    return [
      { name: 'SESSION_CLIENT_ID', value: sessions.clientId },
      { name: 'SESSION_SCOPE', value: sessions.scope },
    ]
  }

  #runBundle({ nodeImage, bundle }: { nodeImage: string; bundle: BundleFiles }, namespace: pulumi.Input<string>) {
    const files = versionedFiles(NAME, { namespace, files: bundle }, this)
    return {
      image: nodeImage,
      command: ['node', ...nodeOptions, `${BUNDLE_DIR}/${bundleFileName}`],
      volumeMounts: [{ name: 'code', mountPath: BUNDLE_DIR, readOnly: true }],
      volumes: [{ name: 'code', configMap: { name: files.metadata.name } }],
    }
  }
}
