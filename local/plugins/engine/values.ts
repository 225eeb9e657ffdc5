/**
 * Property values as the Pulumi engine sends them: plain JSON in a protobuf Struct, in which a secret and a value
 * that is not known yet are marked by agreed strings (sdk/go/common/resource/properties.go of Pulumi).
 */
import struct, { type Struct } from 'google-protobuf/google/protobuf/struct_pb.js'

export type Properties = Record<string, unknown>

/** What stands in place of a value that only an `up` will tell. */
export const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9'

const SIGNATURE_KEY = '4dabf18193072939515e22adb298388d'
const SECRET_SIGNATURE = '1b47061264138c4ac30d75fd1eb44270'

/** Marks an output as secret, so that the engine encrypts it in the state and masks it on the screen. */
export const secret = (value: unknown): Properties => ({ [SIGNATURE_KEY]: SECRET_SIGNATURE, value })

export const isObject = (value: unknown): value is Properties =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether a value, or anything inside it, is not known yet. */
export function hasUnknown(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasUnknown)
  if (isObject(value)) return Object.values(value).some(hasUnknown)
  return value === UNKNOWN
}

/** The value without secret marks: the engine restores them on outputs that bear the name of a secret input. */
export function reveal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reveal)
  if (!isObject(value)) return value
  if (value[SIGNATURE_KEY] === SECRET_SIGNATURE) return reveal(value.value)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]))
}

/** A copy without `undefined` members, which a Struct cannot hold. */
function defined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(defined)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === undefined ? [] : [[key, defined(inner)]])),
  )
}

export const fromStruct = (message: Struct | undefined): Properties =>
  (reveal(message?.toJavaScript() ?? {}) as Properties) ?? {}

export const toStruct = (properties: Properties): Struct =>
  struct.Struct.fromJavaScript(defined(properties) as Parameters<typeof struct.Struct.fromJavaScript>[0])
