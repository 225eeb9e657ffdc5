/** Kubernetes objects as plain JSON, and how Pulumi names them. */
import { hasUnknown, isObject, type Properties, UNKNOWN } from '../engine/values.ts'

export interface KubernetesObject {
  apiVersion: string
  kind: string
  metadata: {
    name?: string
    namespace?: string
    annotations?: Record<string, string>
    labels?: Record<string, string>
    uid?: string
    generation?: number
    finalizers?: string[]
    managedFields?: { manager?: string; operation?: string; fieldsV1?: unknown }[]
    [other: string]: unknown
  }
  spec?: Properties
  status?: Properties
  [other: string]: unknown
}

/** The official provider's annotations. */
export const ANNOTATIONS = {
  autonamed: 'pulumi.com/autonamed',
  deletionPropagation: 'pulumi.com/deletionPropagationPolicy',
  patchForce: 'pulumi.com/patchForce',
  replaceUnready: 'pulumi.com/replaceUnready',
  skipAwait: 'pulumi.com/skipAwait',
  timeoutSeconds: 'pulumi.com/timeoutSeconds',
} as const

/** As many random hex digits as the official provider appends to a resource's name where the program gives none. */
const RANDOM_NAME_DIGITS = 8

/** `kubernetes:apps/v1:Deployment` says `apps/v1` and `Deployment`; the core group is written out in tokens only. */
export function kindOfToken(type: string): { apiVersion: string; kind: string } {
  const [, groupVersion = '', kind = ''] = type.split(':')
  if (!/^[^/]+(\/[^/]+)?$/.test(groupVersion) || kind === '' || kind.endsWith('List') || kind.endsWith('Patch')) {
    throw new Error(`the stand-in for @pulumi/kubernetes makes single objects of the API, not ${type}`)
  }
  return { apiVersion: groupVersion.replace(/^core\//, ''), kind }
}

/** Inputs of a resource as an object of the API; `apiVersion` and `kind` from the token where they are missing. */
export function objectOf(type: string, inputs: Properties): KubernetesObject {
  const metadata = isObject(inputs.metadata) ? inputs.metadata : {}
  return { ...kindOfToken(type), ...inputs, metadata } as KubernetesObject
}

export const annotation = (object: KubernetesObject, name: string): string | undefined =>
  object.metadata.annotations?.[name]

/** The id in the state: `namespace/name`, or `name` alone for what has no namespace. */
export const idOf = ({ metadata }: KubernetesObject): string =>
  metadata.namespace ? `${metadata.namespace}/${metadata.name}` : String(metadata.name)

export function parseId(id: string): { namespace?: string; name: string } {
  const [first = '', second] = id.split('/')
  return second === undefined ? { name: first } : { namespace: first, name: second }
}

/** Gives a nameless object the name it had, or one made from the resource's and random digits. */
export function withName(
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  resource: string,
  randomSeed: Uint8Array,
): KubernetesObject {
  const { metadata } = object
  if (metadata.name !== undefined || metadata.generateName !== undefined) return object
  const kept = old && annotation(old, ANNOTATIONS.autonamed) === 'true' ? old.metadata.name : undefined
  const digits = Buffer.from(randomSeed).toString('hex').slice(0, RANDOM_NAME_DIGITS)
  const name = kept ?? `${resource.toLowerCase()}-${digits}`
  const annotations = { ...metadata.annotations, [ANNOTATIONS.autonamed]: 'true' }
  return { ...object, metadata: { ...metadata, name, annotations } }
}

/** Whether the object can be sent to the API as it stands. */
export const isComplete = (object: KubernetesObject): boolean => !hasUnknown(object) && object.metadata.name !== UNKNOWN

/** What the server writes into `metadata`; it says nothing about what anybody wants. */
const SERVER_METADATA = ['creationTimestamp', 'generation', 'managedFields', 'resourceVersion', 'selfLink', 'uid']

/** What an import takes for the inputs of an object that it finds. */
export function wantedPart({ status: _, metadata, ...rest }: KubernetesObject): KubernetesObject {
  const own = Object.entries(metadata).filter(([name]) => !SERVER_METADATA.includes(name))
  return { ...rest, metadata: Object.fromEntries(own) } as KubernetesObject
}

/** A wanted object in a preview: what only the server knows is unknown. */
export function withUnknowns(object: KubernetesObject): Properties {
  const told = Object.fromEntries(SERVER_METADATA.map((name) => [name, UNKNOWN]))
  const previewed: Properties = { ...object, metadata: { ...told, ...object.metadata }, status: UNKNOWN }
  if (object.kind !== 'Service' || object.apiVersion !== 'v1' || !isObject(object.spec)) return previewed
  return { ...previewed, spec: { clusterIP: UNKNOWN, clusterIPs: UNKNOWN, ...object.spec } }
}
