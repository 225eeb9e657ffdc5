import { createHash } from 'node:crypto'
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import * as tls from '@pulumi/tls'
import { kept } from '../kept.ts'
import { conflictAdvice } from './conflict-advice.ts'
import { imageVolume } from './image-volume.ts'
import { DEPLOYMENT_TIMEOUTS, labels } from './labels.ts'
import { type PodSettings, podExtras } from './pod-settings.ts'
import { REGISTRY_PORT } from './ports.ts'
import { REGISTRY_DRAIN_SECONDS, REGISTRY_PATHS, type RegistryConfig, registryConfig } from './registry-config.ts'
import { CONTAINER_SECURITY, POD_SECURITY } from './restricted.ts'
import { versionedFiles } from './versioned-files.ts'

const NAME = 'registry'
/** After this time Kubernetes kills what is left. */
const GRACE_SECONDS = REGISTRY_DRAIN_SECONDS + 5
/** It streams: pushes need memory for their buffers, not for their layers. */
const RESOURCES = { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '512Mi' } }

export interface RegistryArgs {
  namespace: pulumi.Input<string>
  image: string
  config: { [Key in keyof RegistryConfig]: pulumi.Input<string> }
  /** PEM. */
  certificate: pulumi.Input<string>
  /** The keys that sign registry tokens. */
  jwks: pulumi.Input<string>
  storageClass: string | undefined
  storageSize: string
  pods: PodSettings
  /** Removes the protection of the volume and of the key behind the HTTP secret. */
  deleteImages: boolean
}

/** The registry (distribution v3). It trusts the keys that it was given and makes no calls. */
export class Registry extends pulumi.ComponentResource {
  readonly service: pulumi.Output<string>

  constructor(args: RegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:kubernetes:Registry', NAME, {}, opts)
    const child = { parent: this, hooks: conflictAdvice() }
    const { namespace } = args
    const metadata = { name: NAME, namespace, labels: labels(NAME) }
    const matchLabels = labels(NAME)

    const files = versionedFiles(
      NAME,
      {
        namespace,
        files: {
          'config.yml': pulumi.output(args.config).apply(registryConfig),
          'certificate.pem': args.certificate,
          'jwks.json': args.jwks,
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
    const extras = podExtras(args.pods, 'registry', RESOURCES)
    const { storageClass, storageSize, deleteImages } = args
    const volume = imageVolume({ metadata, storageClass, storageSize, deleteImages }, this)
    const deployment = new kubernetes.apps.v1.Deployment(
      NAME,
      {
        metadata: { ...metadata, labels: { ...extras.labels, ...metadata.labels } },
        spec: {
          replicas: 1,
          selector: { matchLabels },
          // Only one node at a time can mount the volume, so the old pod has to stop before the new one can start.
          strategy: { type: 'Recreate' },
          template: {
            metadata: { labels: { ...extras.labels, ...matchLabels } },
            spec: {
              ...extras.spec,
              automountServiceAccountToken: false,
              enableServiceLinks: false,
              securityContext: POD_SECURITY,
              terminationGracePeriodSeconds: GRACE_SECONDS,
              containers: [
                {
                  name: NAME,
                  image: args.image,
                  command: ['registry', 'serve', REGISTRY_PATHS.config],
                  env: [
                    {
                      name: 'REGISTRY_HTTP_SECRET',
                      valueFrom: { secretKeyRef: { name: httpSecret.metadata.name, key: 'httpSecret' } },
                    },
                    // Otherwise it looks for a collector on localhost and logs an error every few seconds.
                    { name: 'OTEL_TRACES_EXPORTER', value: 'none' },
                  ],
                  ports: [{ name: 'http', containerPort: REGISTRY_PORT }],
                  // `/` answers 503 while the storage fails, which a restart would not fix.
                  startupProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1, failureThreshold: 60 },
                  readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 5 },
                  livenessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 10 },
                  resources: extras.resources,
                  securityContext: CONTAINER_SECURITY,
                  volumeMounts: [
                    { name: 'files', mountPath: REGISTRY_PATHS.files, readOnly: true },
                    { name: 'storage', mountPath: REGISTRY_PATHS.storage },
                  ],
                },
              ],
              volumes: [
                { name: 'files', configMap: { name: files.metadata.name } },
                { name: 'storage', persistentVolumeClaim: { claimName: volume.metadata.name } },
              ],
            },
          },
        },
      },
      { ...child, customTimeouts: DEPLOYMENT_TIMEOUTS },
    )
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
