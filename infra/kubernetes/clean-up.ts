/**
 * The clean-up of the registry: a CronJob that keeps pushes away, applies the rules of retention, and has the
 * registry's own program collect the garbage. docs/design.md says why it restarts nothing.
 */
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { cleanUpFileName } from '../../clean-up/bundle.ts'
import type { Retention } from '../../clean-up/retention/rules.ts'
import type { BundleFiles } from '../../service/bundle.ts'
import type { GarbageCollection } from './clean-up-settings.ts'
import { conflictAdvice } from './conflict-advice.ts'
import { labels } from './labels.ts'
import { type PodSettings, resourcesOf } from './pod-settings.ts'
import { METRICS_PORT, REGISTRY_PORT, TOKEN_SERVICE_PORT } from './ports.ts'
import { REGISTRY_PATHS } from './registry-paths.ts'
import type { RegistryPod } from './registry-pod.ts'
import { CONTAINER_SECURITY } from './restricted.ts'
import { versionedFiles } from './versioned-files.ts'

/** Name of the CronJob, its pods, and the ConfigMap with the announcement. */
export const CLEAN_UP = 'registry-clean-up'
/** A Service that resolves to the address of every token service, ready or not. */
const TOKEN_SERVICE_PODS = 'token-service-pods'
const CODE_DIR = '/srv/clean-up'
/** With the token of the account for Kubernetes, and for the token service. */
const ACCOUNT_DIR = '/var/run/secrets/clean-up'
const CI_TOKEN_DIR = '/var/run/secrets/registry'
const READY_PORT = 8080
const READY_LOOK_SECONDS = 5
/** Kubernetes renews a projected token when a fifth of its lifetime is left. */
const TOKEN_SECONDS = 3600
/**
 * The pod is killed this long before its announcement ends, so that nothing collects once pushes are accepted again.
 */
const MARGIN_SECONDS = 90
/** From SIGTERM; the announcement is withdrawn in less than a second. */
const GRACE_SECONDS = 30
const HOLD_RESOURCES = { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '128Mi' } }
/** The largest repository that its limits allow. */
const RETENTION_RESOURCES = { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '512Mi' } }

export interface CleanUpArgs {
  namespace: pulumi.Input<string>
  collection: GarbageCollection
  /** The rules, and the audience of the token with which they are applied; undefined: nothing but garbage goes. */
  retention: { rules: Retention; audience: string } | undefined
  /** An image with Node.js, and the code that runs on it. */
  nodeImage: string
  bundle: BundleFiles
  /** The pod of the registry, for its storage. */
  registry: RegistryPod
  /** Whether only one node at a time can use the storage: that of the registry's pod. */
  onRegistrysNode: boolean
  clientId: string
  tokenMinutes: number
  pods: PodSettings
}

export class CleanUp extends pulumi.ComponentResource {
  constructor(args: CleanUpArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:kubernetes:CleanUp', CLEAN_UP, {}, opts)
    const child = { parent: this, hooks: conflictAdvice() }
    const { namespace, collection, registry } = args
    const metadata = { name: CLEAN_UP, namespace, labels: labels(CLEAN_UP) }
    // Its data belongs to the job alone.
    const announcement = new kubernetes.core.v1.ConfigMap(CLEAN_UP, { metadata }, child)
    const role = new kubernetes.rbac.v1.Role(
      CLEAN_UP,
      {
        metadata,
        rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [CLEAN_UP], verbs: ['get', 'patch'] }],
      },
      child,
    )
    new kubernetes.rbac.v1.RoleBinding(
      CLEAN_UP,
      {
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: role.metadata.name },
        subjects: [{ kind: 'ServiceAccount', name: registry.spec.serviceAccountName, namespace }],
      },
      child,
    )
    const pods = new kubernetes.core.v1.Service(
      TOKEN_SERVICE_PODS,
      {
        metadata: { ...metadata, name: TOKEN_SERVICE_PODS },
        spec: {
          clusterIP: 'None',
          publishNotReadyAddresses: true,
          selector: labels('token-service'),
          ports: [{ name: 'metrics', port: METRICS_PORT, targetPort: 'metrics' }],
        },
      },
      child,
    )
    const code = versionedFiles(`${CLEAN_UP}-code`, { namespace, files: args.bundle }, this)
    const names = { announcement: announcement.metadata.name, tokenServices: pods.metadata.name }
    const podSpec = {
      ...registry.spec,
      restartPolicy: 'Never',
      activeDeadlineSeconds: collection.minutes * 60 - MARGIN_SECONDS,
      terminationGracePeriodSeconds: GRACE_SECONDS,
      ...(args.onRegistrysNode && { affinity: besideRegistry() }),
      initContainers: [holdContainer(args, names), ...retainContainers(args)],
      containers: [
        {
          ...registry.container,
          name: 'collect',
          command: ['registry', 'garbage-collect', '--quiet', REGISTRY_PATHS.config],
        },
      ],
      volumes: [
        ...registry.spec.volumes,
        { name: 'code', configMap: { name: code.metadata.name } },
        { name: 'account', projected: { sources: accountSources() } },
        ...(args.retention === undefined
          ? []
          : [{ name: 'ci-token', projected: { sources: [tokenSource(args.retention.audience)] } }]),
      ],
    }
    new kubernetes.batch.v1.CronJob(
      CLEAN_UP,
      {
        metadata,
        spec: {
          schedule: collection.schedule,
          timeZone: collection.timeZone,
          concurrencyPolicy: 'Forbid',
          // A run that could not begin in time is skipped, so that pushes are refused at night and not in the morning.
          startingDeadlineSeconds: 10 * 60,
          successfulJobsHistoryLimit: 1,
          failedJobsHistoryLimit: 3,
          jobTemplate: {
            metadata: { labels: labels(CLEAN_UP) },
            spec: {
              // A second try would refuse pushes for as long again; the next run tries again.
              backoffLimit: 0,
              template: { metadata: { labels: { ...registry.labels, ...labels(CLEAN_UP) } }, spec: podSpec },
            },
          },
        },
      },
      child,
    )
    this.registerOutputs({})
  }
}

/**
 * Runs beside the others from before they begin until after they have ended, however they end (Kubernetes 1.29,
 * "Sidecar Containers"): they begin when it says that the registry takes no writes.
 */
function holdContainer(
  { nodeImage, collection, tokenMinutes, pods }: CleanUpArgs,
  names: { announcement: pulumi.Input<string>; tokenServices: pulumi.Input<string> },
) {
  return {
    name: 'hold',
    image: nodeImage,
    restartPolicy: 'Always',
    command: ['node', `${CODE_DIR}/${cleanUpFileName}`, 'hold'],
    env: [
      { name: 'ACCOUNT_DIR', value: ACCOUNT_DIR },
      { name: 'NODE_EXTRA_CA_CERTS', value: `${ACCOUNT_DIR}/ca.crt` },
      { name: 'CONFIG_MAP', value: names.announcement },
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'WINDOW_MINUTES', value: String(collection.minutes) },
      { name: 'TOKEN_MINUTES', value: String(tokenMinutes) },
      { name: 'TOKEN_SERVICES', value: names.tokenServices },
      { name: 'METRICS_PORT', value: String(METRICS_PORT) },
      { name: 'READY_PORT', value: String(READY_PORT) },
    ],
    startupProbe: {
      httpGet: { path: '/', port: READY_PORT },
      periodSeconds: READY_LOOK_SECONDS,
      failureThreshold: Math.ceil((collection.minutes * 60) / READY_LOOK_SECONDS),
    },
    resources: resourcesOf(pods, 'cleanUp', HOLD_RESOURCES),
    securityContext: CONTAINER_SECURITY,
    volumeMounts: [
      { name: 'code', mountPath: CODE_DIR, readOnly: true },
      { name: 'account', mountPath: ACCOUNT_DIR, readOnly: true },
    ],
  }
}

function retainContainers({ retention, nodeImage, clientId, pods }: CleanUpArgs) {
  if (retention === undefined) return []
  return [
    {
      name: 'retain',
      image: nodeImage,
      command: ['node', `${CODE_DIR}/${cleanUpFileName}`, 'retain'],
      env: [
        { name: 'REGISTRY_URL', value: `http://registry:${REGISTRY_PORT}` },
        { name: 'TOKEN_URL', value: `http://token-service:${TOKEN_SERVICE_PORT}/token` },
        { name: 'CLIENT_ID', value: clientId },
        { name: 'CI_TOKEN_FILE', value: `${CI_TOKEN_DIR}/token` },
        { name: 'RETENTION', value: JSON.stringify(retention.rules) },
      ],
      resources: resourcesOf(pods, 'cleanUp', RETENTION_RESOURCES),
      securityContext: CONTAINER_SECURITY,
      volumeMounts: [
        { name: 'code', mountPath: CODE_DIR, readOnly: true },
        { name: 'ci-token', mountPath: CI_TOKEN_DIR, readOnly: true },
      ],
    },
  ]
}

const tokenSource = (audience?: string) => ({
  serviceAccountToken: { path: 'token', expirationSeconds: TOKEN_SECONDS, ...(audience !== undefined && { audience }) },
})

/** As Kubernetes itself mounts an account; here only one container gets it. */
const accountSources = () => [
  tokenSource(),
  { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
  { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
]

const besideRegistry = () => ({
  podAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: labels('registry') } },
    ],
  },
})
