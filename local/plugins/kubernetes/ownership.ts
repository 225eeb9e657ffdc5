/** Which fields of an object are whose (metadata.managedFields), as the official provider looks at them. */
import { isObject, type Properties } from '../engine/values.ts'
import type { KubernetesObject } from './object.ts'

const owns = (fields: unknown, path: readonly string[]): boolean => {
  const inner = path.reduce<unknown>((at, name) => (isObject(at) ? at[`f:${name}`] : undefined), fields)
  return inner !== undefined
}

const valueAt = (object: Properties, path: readonly string[]): unknown =>
  path.reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), object)

function withValue(object: Properties, [name = '', ...rest]: readonly string[], value: unknown): Properties {
  const inner = object[name]
  const changed = rest.length === 0 ? value : withValue(isObject(inner) ? inner : {}, rest, value)
  const { [name]: _, ...others } = object
  return changed === undefined ? others : { ...others, [name]: changed }
}

/**
 * What is sent for a resource with `ignoreChanges`: without the fields that others own and the program does not, so
 * that they stay theirs; the rest as it is now.
 */
export function withIgnoredAsLive(
  wanted: KubernetesObject,
  live: KubernetesObject,
  fieldManager: string,
  ignoreChanges: readonly string[],
): KubernetesObject {
  const entries = live.metadata.managedFields ?? []
  return ignoreChanges.reduce<Properties>((object, ignored) => {
    const path = ignored.split('.')
    const owners = entries.filter(({ fieldsV1 }) => owns(fieldsV1, path)).map(({ manager }) => manager)
    const isTheirs = owners.length > 0 && !owners.includes(fieldManager)
    const now = valueAt(live, path)
    if (!isTheirs && now === undefined) return object
    return withValue(object, path, isTheirs ? undefined : now)
  }, wanted) as KubernetesObject
}
