/** What a manifest says, read from bytes that anybody who may push has written. */
import { createHash } from 'node:crypto'
import * as z from 'zod'

/** What clients push as an image or an index, in Docker's words and in those of OCI. */
export const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const
/** Configurations that have a date; those of other artifacts are anything. */
const CONFIG_TYPES = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json']
/** OCI image specification, "Pre-Defined Annotation Keys". */
const CREATED = 'org.opencontainers.image.created'

/** The one algorithm that distribution 3.1 takes. */
export const DIGEST = /^sha256:[0-9a-f]{64}$/
const descriptor = z.object({ mediaType: z.string().default(''), digest: z.string().regex(DIGEST) })
const document = z.object({
  manifests: z.array(descriptor).default([]),
  config: descriptor.optional(),
  subject: descriptor.optional(),
  annotations: z.record(z.string(), z.unknown()).nullish(),
})

export interface ReadManifest {
  /** What it lists: images, or blobs in the index of a BuildKit cache. */
  readonly children: readonly string[]
  readonly subject: string | undefined
  /** The date in its annotations. */
  readonly createdMs: number | undefined
  /** The image's configuration, which may have a date. */
  readonly config: string | undefined
}

/** What comes as a manifest and cannot be understood: nothing of its repository may be deleted. */
export class NotUnderstoodError extends Error {}

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** @throws NotUnderstoodError if this is not a manifest */
export function readManifest(bytes: Uint8Array): ReadManifest {
  const { data } = document.safeParse(parseJson(bytes))
  if (data === undefined)
    throw new NotUnderstoodError(`${digestOf(bytes)} is not a manifest that this version understands`)
  const { manifests, config, subject, annotations } = data
  return {
    children: manifests.map(({ digest }) => digest),
    subject: subject?.digest,
    createdMs: dateOf(annotations?.[CREATED]),
    config: config !== undefined && CONFIG_TYPES.includes(config.mediaType) ? config.digest : undefined,
  }
}

/** The date of an image's configuration (OCI image specification, `created`); undefined without one. */
export function createdIn(config: Uint8Array): number | undefined {
  return dateOf(z.object({ created: z.unknown() }).safeParse(parseJson(config)).data?.created)
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}

/** RFC 3339, as OCI has it; anything else is not a date. */
function dateOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i.test(value))
    return undefined
  const milliseconds = Date.parse(value)
  return Number.isNaN(milliseconds) ? undefined : milliseconds
}
