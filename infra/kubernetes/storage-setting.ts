/**
 * The setting `storage`: where the registry keeps the images. A volume if it is empty, else one bucket. A key is never
 * part of it: the registry has an identity of its own, or reads a Secret that is in the cluster already.
 */
import { z } from 'zod'
import { mistake, PROJECT } from '../setting-mistakes.ts'
import { httpUrl } from '../setting-schemas.ts'
import type { autoscalingSetting } from './availability.ts'

const text = (pattern: RegExp, expected: string) => z.string({ error: expected }).regex(pattern, { error: expected })

/** docs.aws.amazon.com, "Bucket naming rules"; cloud.google.com, "Bucket names", which also allows `_`. */
const bucket = text(/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/, 'the name of a bucket: a-z, 0-9, ".", "-" and "_"')
/** Names of AWS are like eu-central-1; S3-compatible servers have others, such as garage or auto. */
const region = text(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a region, such as eu-central-1')
const prefix = text(/^[\w.-]+(\/[\w.-]+)*$/, 'the start of all object names, such as registry/images')
const secretName = text(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'the name of a Secret in the namespace')
/** learn.microsoft.com, "Storage account overview" and "Naming containers". */
const account = text(/^[a-z0-9]{3,24}$/, 'the name of a storage account: 3 to 24 of a-z and 0-9')
const container = text(/^[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])$/, 'the name of a container: a-z, 0-9 and "-"')
const flag = z.boolean({ error: 'true or false' })

/** What every kind has. */
const common = {
  prefix: prefix.optional(),
  redirect: flag.default(false),
  secret: secretName.optional(),
  serviceAccountAnnotations: z
    .record(z.string(), z.string({ error: 'a text; numbers and booleans need quotes' }), {
      error: 'a map of annotation to text',
    })
    .default({}),
}
const fields = (names: string) =>
  `{ ${names}, prefix, redirect, secret, serviceAccountAnnotations } and nothing else; ` +
  'keys belong in a Secret in the namespace, which `secret` names'

const s3 = z.strictObject(
  { bucket, region, endpoint: httpUrl.optional(), pathStyle: flag.optional(), ...common },
  { error: fields('bucket, region, endpoint, pathStyle') },
)
const gcs = z.strictObject({ bucket, ...common }, { error: fields('bucket') })
const azure = z.strictObject(
  { account, container, endpoint: httpUrl.optional(), ...common },
  { error: fields('account, container, endpoint') },
)

/** Amazon's identity for a service account, which its SDK exchanges at STS. */
const AWS_ROLE = 'eks.amazonaws.com/role-arn'

const KINDS = 's3, gcs or azure'

export const storageSetting = {
  schema: z
    .strictObject(
      { s3: s3.optional(), gcs: gcs.optional(), azure: azure.optional() },
      { error: `one of ${KINDS}; for a volume leave it unset` },
    )
    .superRefine((given, context) => {
      const kinds = Object.entries(given)
      if (kinds.length > 1) context.addIssue({ code: 'custom', message: `only one of ${KINDS}` })
      for (const [kind, { secret, serviceAccountAnnotations = {} } = {}] of kinds) {
        if (secret === undefined || Object.keys(serviceAccountAnnotations).length === 0) continue
        context.addIssue({
          code: 'custom',
          message: 'a Secret or an identity of the service account, not both',
          path: [kind, 'serviceAccountAnnotations'],
        })
      }
      // Its SDK would ask the endpoint of the bucket for that identity as well (aws-sdk-go, session.resolveEndpoint).
      if (given.s3?.endpoint !== undefined && AWS_ROLE in given.s3.serviceAccountAnnotations) {
        context.addIssue({
          code: 'custom',
          message: `no ${AWS_ROLE} beside an endpoint, which does not know that role`,
          path: ['s3', 'serviceAccountAnnotations'],
        })
      }
    }),
  path: 'storage.s3.bucket',
  example: 'acme-images',
} as const

/** Checked; empty: a volume. */
export type Storage = z.output<typeof storageSetting.schema>

/** Settings for several pods of the registry, which a volume does not allow: only one node at a time can mount it. */
export function volumeMistakes(
  given: {
    storage?: Storage
    registryReplicas?: number
    autoscaling?: z.output<typeof autoscalingSetting.schema>
  },
  defaultReplicas: number,
): string[] {
  const { storage, registryReplicas = 1, autoscaling } = given
  // What is wrong with the storage has been said.
  if (storage === undefined || Object.keys(storage).length > 0) return []
  const expected = 'a bucket in `storage`, which several pods can share; a volume has one pod'
  const example = "--path 'storage.s3.bucket' 'acme-images'"
  return [
    ...(registryReplicas === 1 || registryReplicas === defaultReplicas
      ? []
      : [mistake(`${PROJECT}:registryReplicas`, expected, `${registryReplicas}, and there is none`, example)]),
    ...(autoscaling?.registry === undefined
      ? []
      : [mistake(`${PROJECT}:autoscaling.registry`, expected, 'set, and there is none', example)]),
  ]
}
