/**
 * Where the images are, in the terms of distribution and of Kubernetes
 * (https://distribution.github.io/distribution/storage-drivers/).
 */
import { REGISTRY_PATHS } from './registry-paths.ts'
import type { Storage } from './storage-setting.ts'

/** Keys of the Secret that `secret` names: the names that the providers' own tools use. */
export const SECRET_KEYS = {
  s3: ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
  gcs: ['key.json'],
  azure: ['AZURE_STORAGE_KEY'],
} as const

/** Whatever an identity of a service account needs is asked there, at the port of https. */
const IDENTITY_SERVICE = 'https://identity.invalid'

/**
 * The registry has one part of each upload in memory, several times over while its buffer grows. This is the least that
 * S3 takes, and a multiple of Google's 256 KiB. With 10,000 parts a layer on S3 may have 48 GiB.
 */
const PART_BYTES = 5 * 1024 * 1024

interface SecretSource {
  /** Whether a pod starts without it. */
  optional?: boolean
}

export interface StorageDriver {
  /** The driver and its parameters, as distribution's configuration has them. */
  driver: Record<string, Record<string, unknown>>
  /** Whether clients may be sent to the bucket for a layer. */
  redirect: boolean
  /** Whether more than one pod can use it at once. */
  isShared: boolean
  /** The Secret with its keys, in the stack's namespace; undefined: the service account's identity opens the bucket. */
  secret: { name: string; keys: readonly string[] } | undefined
  env: { name: string; valueFrom: { secretKeyRef: SecretSource & { name: string; key: string } } }[]
  volumes: { name: string; secret: SecretSource & { secretName: string; items: { key: string; path: string }[] } }[]
  volumeMounts: { name: string; mountPath: string; readOnly: true }[]
  /** Of the registry's service account. */
  accountAnnotations: Record<string, string>
  podLabels: Record<string, string>
  /** URLs that the registry calls. */
  calls: string[]
  /** Whether it asks the metadata service of its node who it is. */
  asksNode: boolean
  /** For people: what it is, and which one. */
  inWords: string
}

const VOLUME: StorageDriver = {
  driver: { filesystem: { rootdirectory: REGISTRY_PATHS.storage } },
  redirect: false,
  isShared: false,
  secret: undefined,
  env: [],
  volumes: [],
  volumeMounts: [],
  accountAnnotations: {},
  podLabels: {},
  calls: [],
  asksNode: false,
  inWords: 'the volume',
}

/** The driver for a checked setting. */
export function storageDriver({ s3, gcs, azure }: Storage): StorageDriver {
  if (s3 !== undefined) return bucketOf('s3', s3, s3Parameters(s3), s3Url(s3), s3.bucket)
  if (gcs !== undefined) return bucketOf('gcs', gcs, gcsParameters(gcs), 'https://storage.googleapis.com', gcs.bucket)
  if (azure !== undefined) {
    const url = azure.endpoint ?? `https://${azure.account}.blob.core.windows.net`
    return bucketOf('azure', azure, azureParameters(azure, url), url, `${azure.account}/${azure.container}`)
  }
  return VOLUME
}

type Given<Kind extends keyof Storage> = NonNullable<Storage[Kind]>

function bucketOf<Kind extends 's3' | 'gcs' | 'azure'>(
  kind: Kind,
  { prefix, redirect, secret, serviceAccountAnnotations }: Given<Kind>,
  parameters: Record<string, unknown>,
  url: string,
  name: string,
): StorageDriver {
  return {
    driver: { [kind]: { ...parameters, ...(prefix !== undefined && { rootdirectory: prefix }) } },
    redirect,
    isShared: true,
    ...credentials(kind, secret),
    accountAnnotations: serviceAccountAnnotations,
    // azure.github.io/azure-workload-identity: its webhook looks at pods with this label alone.
    podLabels: kind === 'azure' && secret === undefined ? { 'azure.workload.identity/use': 'true' } : {},
    calls: secret === undefined ? [url, IDENTITY_SERVICE] : [url],
    asksNode: secret === undefined,
    inWords: `${kind === 'azure' ? 'container' : 'bucket'} ${name}${prefix === undefined ? '' : `, ${prefix}/`} (${kind})`,
  }
}

function s3Url({ endpoint, region, bucket }: Given<'s3'>): string {
  return endpoint ?? `https://${bucket}.s3.${region}.amazonaws.com`
}

function s3Parameters({ bucket, region, endpoint, pathStyle }: Given<'s3'>): Record<string, unknown> {
  return {
    bucket,
    region,
    ...(endpoint !== undefined && { regionendpoint: endpoint, secure: endpoint.startsWith('https:') }),
    // Few servers beside Amazon's have a name for each bucket.
    forcepathstyle: pathStyle ?? endpoint !== undefined,
    chunksize: PART_BYTES,
  }
}

function gcsParameters({ bucket, secret }: Given<'gcs'>): Record<string, unknown> {
  return {
    bucket,
    chunksize: PART_BYTES,
    ...(secret !== undefined && { keyfile: `${REGISTRY_PATHS.credentials}/${SECRET_KEYS.gcs[0]}` }),
  }
}

function azureParameters({ account, container, secret }: Given<'azure'>, url: string): Record<string, unknown> {
  return {
    accountname: account,
    container,
    serviceurl: url,
    credentials: { type: secret === undefined ? 'default_credentials' : 'shared_key' },
  }
}

/** By environment variables that the drivers read, or a file: never in the configuration, which is a ConfigMap. */
function credentials(kind: 's3' | 'gcs' | 'azure', secret: string | undefined) {
  const none = { secret: undefined, env: [], volumes: [], volumeMounts: [] }
  if (secret === undefined) return none
  const named = { name: secret, keys: SECRET_KEYS[kind] }
  if (kind === 'gcs') {
    const items = SECRET_KEYS.gcs.map((key) => ({ key, path: key }))
    return {
      secret: named,
      env: [],
      volumes: [{ name: 'credentials', secret: { secretName: secret, items } }],
      volumeMounts: [{ name: 'credentials', mountPath: REGISTRY_PATHS.credentials, readOnly: true as const }],
    }
  }
  const variable = (key: string) => (kind === 'azure' ? 'REGISTRY_STORAGE_AZURE_ACCOUNTKEY' : key)
  const env = SECRET_KEYS[kind].map((key) => ({
    name: variable(key),
    valueFrom: { secretKeyRef: { name: secret, key } },
  }))
  return { ...none, secret: named, env }
}
