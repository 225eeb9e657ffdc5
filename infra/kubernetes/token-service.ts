import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { ANNOUNCEMENT } from '../../clean-up/window/announcement.ts'
import { type BundleFiles, bundleFileName, nodeOptions } from '../../service/bundle.ts'
import { ACCOUNT, anonymousPull } from './anonymous-pull.ts'
import {
  type Autoscaling,
  keepAvailable,
  LAME_DUCK_SECONDS,
  ROLLING_UPDATE,
  replicaCount,
  spread,
} from './availability.ts'
import { CLEAN_UP } from './clean-up.ts'
import { conflictAdvice } from './conflict-advice.ts'
import { DEPLOYMENT_TIMEOUTS, labels } from './labels.ts'
import { type OutwardCalls, proxyVariables } from './outward-calls.ts'
import { type PodSettings, podExtras } from './pod-settings.ts'
import { METRICS_PORT, TOKEN_SERVICE_PORT } from './ports.ts'
import { CONTAINER_SECURITY, RESTRICTED_POD } from './restricted.ts'
import { environmentSecret } from './service-environment.ts'
import { allowTokenReview, type OwnCluster, tokenReviewPod } from './token-review.ts'
import { versionedFiles } from './versioned-files.ts'

const NAME = 'token-service'
/** From SIGTERM: the above, then `drainMs` and `traceCloseMs` of service/limits.ts. */
const GRACE_SECONDS = 60
const BUNDLE_DIR = '/srv/token-service'
const TRUST_DIR = '/etc/token-service/trust'
const TRUST_FILE = 'trust.json'
const CLEAN_UP_DIR = '/etc/token-service/clean-up'
const KEYS_DIR = '/etc/token-service/keys'
const ISSUER_KEYS_FILE = 'issuer-keys.json'
const REGISTRY_JWKS_FILE = 'registry-jwks.json'
const CA_FILE = 'ca.pem'
/** Under load it used up to about half of this memory. */
const RESOURCES = { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } }

/** An image of the token service, or an image of Node.js and the service's code as text. */
export type TokenServiceCode = { image: string } | { nodeImage: string; bundle: BundleFiles }

export interface TokenServiceArgs extends OutwardCalls {
  namespace: pulumi.Input<string>
  code: TokenServiceCode
  /** authentik's token endpoint, as a pod reaches it. */
  tokenEndpoint: string
  clientId: pulumi.Input<string>
  /** The scope in authentik whose mapping writes `access`. */
  scope: string
  /** The client and the scope in authentik by which it gets sessions; undefined without sessions. */
  sessions: { clientId: pulumi.Input<string>; scope: string } | undefined
  /** The compiled trust rules, JSON: with them it says early, and in words, why it refuses a client. */
  trustDocument: string
  /** Where the keys of the CI platforms are, JSON: with them it refuses forged tokens. */
  issuerKeys: string
  /**
   * The keys that the registry trusts, with their certificates, and where authentik publishes those that it signs with:
   * they have to agree.
   */
  registryJwks: pulumi.Input<string>
  jwksUrl: string
  /** How many pods; 0 if an autoscaler outside of the stack decides. */
  replicas: number
  autoscaling: Autoscaling | undefined
  /** Addresses of proxies whose X-Forwarded-For is trusted; none if empty. */
  trustedProxies: readonly string[]
  /** Whether a client that may do nothing it asked for gets the reason, or a token that grants nothing. */
  explainRefusedPush: boolean
  /** Patterns of repositories that are open to pulls without login; none if empty. */
  anonymousPull: { repositories: readonly string[]; audience: string }
  /** The cluster in which it runs, where its pods pull. */
  ownCluster: OwnCluster | undefined
  /** The user name with which a client says that its password is a CI token. */
  jwtUserName: string
  /** Further variables of the service by name. */
  environment: Readonly<Record<string, string>>
  pods: PodSettings
}

/** The service behind `/token`, which turns CI tokens into registry tokens at authentik. It has no secret. */
export class TokenService extends pulumi.ComponentResource {
  readonly service: pulumi.Output<string>
  /** Name of its Deployment. */
  readonly deployment = NAME

  constructor(args: TokenServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:kubernetes:TokenService', NAME, {}, opts)
    const child = { parent: this, hooks: conflictAdvice() }
    const { namespace } = args
    const metadata = { name: NAME, namespace, labels: labels(NAME) }
    const matchLabels = labels(NAME)

    const run = 'image' in args.code ? { image: args.code.image } : this.#runBundle(args.code, namespace)
    const { volumes, volumeMounts, ...container } = { volumes: [], volumeMounts: [], ...run }
    // A fixed name, mounted as a folder: changed rules reach the running pods, which read the file again.
    const trust = new kubernetes.core.v1.ConfigMap(
      'trust',
      { metadata: { ...metadata, name: `${NAME}-trust` }, data: { [TRUST_FILE]: args.trustDocument } },
      child,
    )
    // A name that changes with the keys, which pods read once, at start.
    const keys = versionedFiles(
      `${NAME}-keys`,
      {
        namespace,
        files: {
          [ISSUER_KEYS_FILE]: args.issuerKeys,
          [REGISTRY_JWKS_FILE]: args.registryJwks,
          ...(args.caBundle !== undefined && { [CA_FILE]: args.caBundle }),
        },
      },
      this,
    )
    const extras = podExtras(args.pods, 'tokenService', RESOURCES)
    const { envFrom } = environmentSecret(args.environment, namespace, this)
    const anonymous = anonymousPull(args.anonymousPull)
    // Always there, needed or not: server-side apply cannot remove `serviceAccountName` again, since the API server
    // also keeps it under its former name `serviceAccount`.
    const account = new kubernetes.core.v1.ServiceAccount(
      ACCOUNT,
      { metadata: { ...metadata, name: ACCOUNT }, automountServiceAccountToken: false },
      child,
    )
    const cluster = tokenReviewPod(args.ownCluster)
    const dependsOn = allowTokenReview(args.ownCluster, namespace, child)
    const { replicas, ignoreChanges } = replicaCount(args.replicas, args.autoscaling)
    const deployment = new kubernetes.apps.v1.Deployment(
      NAME,
      {
        metadata: { ...metadata, labels: { ...extras.labels, ...metadata.labels } },
        spec: {
          replicas,
          selector: { matchLabels },
          strategy: ROLLING_UPDATE,
          template: {
            metadata: {
              labels: { ...extras.labels, ...matchLabels },
              annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(METRICS_PORT) },
            },
            spec: {
              ...extras.spec,
              serviceAccountName: account.metadata.name,
              ...RESTRICTED_POD,
              terminationGracePeriodSeconds: GRACE_SECONDS,
              topologySpreadConstraints: spread(matchLabels),
              containers: [
                {
                  name: NAME,
                  ...container,
                  env: [
                    { name: 'TOKEN_URL', value: args.tokenEndpoint },
                    { name: 'CLIENT_ID', value: args.clientId },
                    { name: 'SCOPE', value: args.scope },
                    { name: 'TRUST_FILE', value: `${TRUST_DIR}/${TRUST_FILE}` },
                    { name: 'CLEAN_UP_FILE', value: `${CLEAN_UP_DIR}/${ANNOUNCEMENT}` },
                    { name: 'ISSUER_KEYS_FILE', value: `${KEYS_DIR}/${ISSUER_KEYS_FILE}` },
                    { name: 'REGISTRY_JWKS_FILE', value: `${KEYS_DIR}/${REGISTRY_JWKS_FILE}` },
                    { name: 'JWKS_URL', value: args.jwksUrl },
                    ...this.#sessionVariables(args.sessions),
                    ...this.#trustedProxies(args.trustedProxies),
                    ...this.#wayOut(args),
                    { name: 'EXPLAIN_REFUSED_PUSH', value: args.explainRefusedPush ? 'on' : 'off' },
                    ...anonymous.env,
                    ...cluster.env,
                    { name: 'LIMIT_LAME_DUCK_MS', value: String(LAME_DUCK_SECONDS * 1000) },
                    { name: 'PASS_JWT_USERNAME', value: args.jwtUserName },
                  ],
                  envFrom,
                  ports: [
                    { name: 'http', containerPort: TOKEN_SERVICE_PORT },
                    { name: 'metrics', containerPort: METRICS_PORT },
                  ],
                  // On the second port, where clients cannot use up all connections.
                  startupProbe: { httpGet: { path: '/live', port: 'metrics' }, periodSeconds: 1, failureThreshold: 60 },
                  readinessProbe: { httpGet: { path: '/ready', port: 'metrics' }, periodSeconds: 5 },
                  livenessProbe: { httpGet: { path: '/live', port: 'metrics' }, periodSeconds: 10 },
                  resources: extras.resources,
                  securityContext: CONTAINER_SECURITY,
                  volumeMounts: [
                    ...volumeMounts,
                    { name: 'trust', mountPath: TRUST_DIR, readOnly: true },
                    { name: 'keys', mountPath: KEYS_DIR, readOnly: true },
                    { name: 'clean-up', mountPath: CLEAN_UP_DIR, readOnly: true },
                    ...anonymous.volumeMounts,
                    ...cluster.volumeMounts,
                  ],
                },
              ],
              volumes: [
                ...volumes,
                { name: 'trust', configMap: { name: trust.metadata.name } },
                { name: 'keys', configMap: { name: keys.metadata.name } },
                // Not there where the registry is never cleaned up.
                { name: 'clean-up', configMap: { name: CLEAN_UP, optional: true } },
                ...anonymous.volumes,
                ...cluster.volumes,
              ],
            },
          },
        },
      },
      { ...child, customTimeouts: DEPLOYMENT_TIMEOUTS, ignoreChanges, dependsOn },
    )
    keepAvailable({ metadata, matchLabels, autoscaling: args.autoscaling }, child)
    const service = new kubernetes.core.v1.Service(
      NAME,
      {
        metadata,
        spec: {
          selector: matchLabels,
          ports: [
            { name: 'http', port: TOKEN_SERVICE_PORT, targetPort: 'http' },
            { name: 'metrics', port: METRICS_PORT, targetPort: 'metrics' },
          ],
        },
      },
      // A Service is ready when it has a pod behind it.
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

  /** Without them all clients would count as one, so the service then does not limit the rate of an address. */
  #trustedProxies(trustedProxies: readonly string[]) {
    return trustedProxies.length === 0 ? [] : [{ name: 'TRUSTED_PROXIES', value: trustedProxies.join(',') }]
  }

  /** For its calls to authentik, the issuers and a collector of traces alike. */
  #wayOut({ caBundle, proxy }: OutwardCalls) {
    return [
      ...(caBundle === undefined ? [] : [{ name: 'NODE_EXTRA_CA_CERTS', value: `${KEYS_DIR}/${CA_FILE}` }]),
      ...proxyVariables({ proxy }),
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
