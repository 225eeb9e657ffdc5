/** What changed between two sets of properties, in the terms of Pulumi's detailed diff. */
import { isDeepStrictEqual } from 'node:util'
import { isObject, UNKNOWN } from './values.ts'

export interface PropertyChange {
  /** As Pulumi writes it: `spec.template.spec.containers[0].image`, keys with odd characters in brackets and quotes. */
  readonly path: string
  readonly kind: 'add' | 'update' | 'delete'
  /** The object must be replaced for this. */
  readonly replace: boolean
}

const isPlainKey = (key: string) => /^[A-Za-z_$][\w$]*$/.test(key)

function child(path: string, key: string): string {
  if (!isPlainKey(key)) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}

/**
 * The leaves that differ, each with its path; an absent member, `undefined` and `null` are the same.
 * An unknown new value counts as an update.
 */
export function changedLeaves(before: unknown, after: unknown, path = ''): Omit<PropertyChange, 'replace'>[] {
  const [old, now] = [before ?? undefined, after ?? undefined]
  if (old === undefined && now === undefined) return []
  if (old === undefined) return [{ path, kind: 'add' }]
  if (now === undefined) return [{ path, kind: 'delete' }]
  if (now !== UNKNOWN && isObject(old) && isObject(now)) {
    const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort()
    return keys.flatMap((key) => changedLeaves(old[key], now[key], child(path, key)))
  }
  if (Array.isArray(old) && Array.isArray(now)) {
    return Array.from({ length: Math.max(old.length, now.length) }).flatMap((_, index) =>
      changedLeaves(old[index], now[index], `${path}[${index}]`),
    )
  }
  return isDeepStrictEqual(old, now) ? [] : [{ path, kind: 'update' }]
}
