import { createHash } from 'node:crypto'
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import * as tls from '@pulumi/tls'
import { kept } from '../protection.ts'
import {
  type Autoscaling,
  keepAvailable,
  LAME_DUCK_SECONDS,
  ROLLING_UPDATE,
  replicaCount,
  spread,
} from './availability.ts'
import { conflictAdvice } from './conflict-advice.ts'
import { type EventsArgs, eventsSidecar } from './events.ts'
import { imageVolume } from './image-volume.ts'
import { DEPLOYMENT_TIMEOUTS, labels } from './labels.ts'
import type { OutwardCalls } from './outward-calls.ts'
import { type PodSettings, podExtras } from './pod-settings.ts'
import { REGISTRY_METRICS_PORT, REGISTRY_PORT } from './ports.ts'
import { REGISTRY_DRAIN_SECONDS, type RegistryConfig, registryConfig } from './registry-config.ts'
import { REGISTRY_PATHS } from './registry-paths.ts'
import { CA_FILE, type RegistryPod, registryPod } from './registry-pod.ts'
import { storageCheck } from './storage-check.ts'
import type { StorageDriver } from './storage-driver.ts'
import { versionedFiles } from './versioned-files.ts'

const NAME = 'registry'
/** After this time Kubernetes kills what is left. */
const GRACE_SECONDS = LAME_DUCK_SECONDS + REGISTRY_DRAIN_SECONDS + 5
/** It streams: pushes need memory for their buffers, not for their layers. */
const RESOURCES = { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '512Mi' } }
/** On a bucket about 20 MiB for each upload on its way; seen: 590 MiB for 30 at once. */
const RESOURCES_ON_BUCKET = { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '1Gi' } }

export interface RegistryArgs extends OutwardCalls {
  namespace: pulumi.Input<string>
  image: string
  config: { [Key in keyof Omit<RegistryConfig, 'storage' | 'events'>]: pulumi.Input<string> }
  /** What reports what happens at the registry as events; undefined: nothing does. */
  events: EventsArgs | undefined
  /** PEM. */
  certificate: pulumi.Input<string>
  /** The keys that sign registry tokens. */
  jwks: pulumi.Input<string>
  storage: StorageDriver
  /** Whether the stack has a volume, also one that the registry no longer uses. */
  hasVolume: boolean
  storageClass: string | undefined
  storageSize: string
  /** How many pods on storage that they can share; 0 if an autoscaler outside of the stack decides. */
  replicas: number
  autoscaling: Autoscaling | undefined
  /** An image with Node.js, which tries the storage. */
  nodeImage: string
  pods: PodSettings
  /** Removes the protection of the volume and of the key behind the HTTP secret. */
  deleteImages: boolean
}

/** The registry (distribution v3). It trusts the keys that it was given, and calls nothing but its storage. */
export class Registry extends pulumi.ComponentResource {
  readonly service: pulumi.Output<string>
  /** Name of its Deployment. */
  readonly deployment = NAME
  /** What its pods have in common with others that work on its storage. */
  readonly pod: RegistryPod

  constructor(args: RegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:kubernetes:Registry', NAME, {}, opts)
    const child = { parent: this, hooks: conflictAdvice() }
    const { namespace, storage, caBundle, proxy } = args
    const metadata = { name: NAME, namespace, labels: labels(NAME) }
    const matchLabels = labels(NAME)

    const files = versionedFiles(
      NAME,
      {
        namespace,
        files: {
          'config.yml': pulumi
            .output(args.config)
            .apply((config) => registryConfig({ ...config, storage, events: eventsOf(args) })),
          'certificate.pem': args.certificate,
          'jwks.json': args.jwks,
          ...(caBundle !== undefined && storage.isShared && { [CA_FILE]: caBundle }),
        },
      },
      this,
    )
    const httpSecret = new kubernetes.core.v1.Secret(
      NAME,
      {
        metadata,
        data: {
          httpSecret: this.#httpSecret(args.deleteImages).apply((secret) => Buffer.from(secret).toString('base64')),
        },
      },
      child,
    )
    // Always there, needed or not: server-side apply cannot remove a pod's account again (see the token service's).
    const account = new kubernetes.core.v1.ServiceAccount(
      NAME,
      { metadata: { ...metadata, annotations: storage.accountAnnotations }, automountServiceAccountToken: false },
      child,
    )
    const volume = args.hasVolume ? imageVolume({ ...args, metadata }, this) : undefined
    const podArgs = {
      image: args.image,
      httpSecret: httpSecret.metadata.name,
      account: account.metadata.name,
      storage,
      calls: { caBundle, proxy },
      extras: podExtras(args.pods, 'registry', storage.isShared ? RESOURCES_ON_BUCKET : RESOURCES),
    }
    const pod = registryPod({
      ...podArgs,
      files: files.metadata.name,
      claim: storage.isShared ? undefined : volume?.metadata.name,
    })
    this.pod = pod
    const events = args.events && eventsSidecar(args.events, args, this)
    const dependsOn = storage.isShared
      ? [storageCheck({ namespace, nodeImage: args.nodeImage, pod: podArgs, pods: args.pods }, this)]
      : []
    const { replicas, ignoreChanges } = storage.isShared
      ? replicaCount(args.replicas, args.autoscaling)
      : { replicas: 1, ignoreChanges: [] }
    const deployment = new kubernetes.apps.v1.Deployment(
      NAME,
      {
        metadata: { ...metadata, labels: { ...pod.labels, ...metadata.labels } },
        spec: {
          replicas,
          selector: { matchLabels },
          // Only one node at a time can mount a volume, so the old pod has to stop before the new one can start.
          strategy: storage.isShared ? ROLLING_UPDATE : { type: 'Recreate' },
          template: {
            metadata: {
              labels: { ...pod.labels, ...matchLabels },
              annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(REGISTRY_METRICS_PORT) },
            },
            spec: {
              ...pod.spec,
              terminationGracePeriodSeconds: GRACE_SECONDS,
              ...(storage.isShared && { topologySpreadConstraints: spread(matchLabels) }),
              ...(events && { initContainers: [events.container], volumes: [...pod.spec.volumes, events.volume] }),
              containers: [
                {
                  ...pod.container,
                  name: NAME,
                  command: ['registry', 'serve', REGISTRY_PATHS.config],
                  ports: [
                    { name: 'http', containerPort: REGISTRY_PORT },
                    { name: 'metrics', containerPort: REGISTRY_METRICS_PORT },
                  ],
                  // `/` answers 503 while the storage fails, which a restart would not fix.
                  startupProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1, failureThreshold: 60 },
                  readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 5 },
                  livenessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 10 },
                  // At SIGTERM it stops listening at once; others take over only once the controller has noticed. And
                  // it does not wait for the events in its queue: by then they are out, since hardly any requests still
                  // come.
                  ...((storage.isShared || events) && {
                    lifecycle: { preStop: { sleep: { seconds: LAME_DUCK_SECONDS } } },
                  }),
                },
              ],
            },
          },
        },
      },
      {
        ...{ ...child, customTimeouts: DEPLOYMENT_TIMEOUTS, dependsOn, ignoreChanges },
        // A registry on a volume and one on a bucket do not serve at the same time: what the one accepts, the other
        // does not have. And the provider takes a change of both template and replicas for done before it has begun.
        replaceOnChanges: ['spec.strategy.type'],
        deleteBeforeReplace: true,
      },
    )
    if (storage.isShared) keepAvailable({ metadata, matchLabels, autoscaling: args.autoscaling }, child)
    const service = new kubernetes.core.v1.Service(
      NAME,
      { metadata, spec: { selector: matchLabels, ports: [{ name: 'http', port: REGISTRY_PORT, targetPort: 'http' }] } },
      // A Service is ready when it has a pod behind it.
      { ...child, dependsOn: [deployment] },
    )
    this.service = service.metadata.name
    this.registerOutputs({ service: this.service })
  }

  /**
   * Signs the state of uploads, which clients send back with the next request. It has to survive a restart, and none of
   * the providers makes random texts: so it is the digest of a private key that has no other use.
   */
  #httpSecret(deleteImages: boolean): pulumi.Output<string> {
    const seed = new tls.PrivateKey(
      'registry-http-secret',
      { algorithm: 'ED25519' },
      { parent: this, ...kept(deleteImages) },
    )
    return pulumi.secret(seed.privateKeyPem.apply((pem) => createHash('sha256').update(pem).digest('hex')))
  }
}

const eventsOf = ({ events }: RegistryArgs): RegistryConfig['events'] =>
  events && (events.events.url === undefined ? 'stream' : 'url')
