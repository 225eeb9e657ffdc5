/** What every pod of the registry has: the ones that serve, and those that work on its storage alone. */
import type * as pulumi from '@pulumi/pulumi'
import { type OutwardCalls, proxyVariables } from './outward-calls.ts'
import type { PodExtras } from './pod-settings.ts'
import { REGISTRY_PATHS } from './registry-paths.ts'
import { CONTAINER_SECURITY, RESTRICTED_POD } from './restricted.ts'
import type { StorageDriver } from './storage-driver.ts'

/** File of the certificates that its calls trust. */
export const CA_FILE = 'ca.pem'
/** Where Linux distributions keep the public authorities (Go, crypto/x509/root_linux.go). */
const PUBLIC_AUTHORITIES = '/etc/ssl/certs'

export interface RegistryPodArgs {
  image: string
  /** Name of the Secret with its key `httpSecret`. */
  httpSecret: pulumi.Input<string>
  /** Name of the ConfigMap with the configuration and the keys. */
  files: pulumi.Input<string>
  /** Name of the claim of the volume; undefined where the images are elsewhere. */
  claim: pulumi.Input<string> | undefined
  account: pulumi.Input<string>
  storage: StorageDriver
  calls: OutwardCalls
  extras: PodExtras
}

/** Parts of a pod's specification; `container` still needs a name and a command. */
export function registryPod({ storage, calls, extras, ...args }: RegistryPodArgs) {
  const ownAuthorities = calls.caBundle !== undefined && storage.isShared
  return {
    labels: { ...extras.labels, ...storage.podLabels },
    spec: {
      ...extras.spec,
      serviceAccountName: args.account,
      ...RESTRICTED_POD,
      volumes: [
        { name: 'files', configMap: { name: args.files } },
        ...(args.claim === undefined ? [] : [{ name: 'storage', persistentVolumeClaim: { claimName: args.claim } }]),
        ...(ownAuthorities
          ? [{ name: 'authorities', configMap: { name: args.files, items: [{ key: CA_FILE, path: CA_FILE }] } }]
          : []),
        ...storage.volumes,
      ],
    },
    container: {
      image: args.image,
      env: [
        {
          name: 'REGISTRY_HTTP_SECRET',
          valueFrom: { secretKeyRef: { name: args.httpSecret, key: 'httpSecret' } },
        },
        // Otherwise it looks for a collector on localhost and logs an error every few seconds.
        { name: 'OTEL_TRACES_EXPORTER', value: 'none' },
        // Less memory with many pushes at once; the collector's extra work is small compared with hashing.
        { name: 'GOGC', value: '50' },
        // On a bucket, where uploads are buffered, Go rather collects more often than exceeds this.
        ...(storage.isShared
          ? [{ name: 'GOMEMLIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } }]
          : []),
        ...storage.env,
        ...(storage.isShared ? proxyVariables(calls) : []),
        ...(ownAuthorities
          ? [{ name: 'SSL_CERT_DIR', value: `${PUBLIC_AUTHORITIES}:${REGISTRY_PATHS.authorities}` }]
          : []),
      ],
      resources: extras.resources,
      securityContext: CONTAINER_SECURITY,
      volumeMounts: [
        { name: 'files', mountPath: REGISTRY_PATHS.files, readOnly: true },
        ...(args.claim === undefined ? [] : [{ name: 'storage', mountPath: REGISTRY_PATHS.storage }]),
        ...(ownAuthorities ? [{ name: 'authorities', mountPath: REGISTRY_PATHS.authorities, readOnly: true }] : []),
        ...storage.volumeMounts,
      ],
    },
  }
}

export type RegistryPod = ReturnType<typeof registryPod>
