/** What a refresh makes of the inputs: the fields that the program set, with the values that they have in the cluster now. */
import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../engine/values.ts'
import type { KubernetesObject } from './object.ts'
import { isSameQuantity } from './quantity.ts'

const isScalar = (value: unknown) => typeof value !== 'object' || value === null

/** The API server leaves such values out of what it answers. */
const isZero = (value: unknown): boolean =>
  value === null ||
  value === '' ||
  value === false ||
  value === 0 ||
  (Array.isArray(value) && value.length === 0) ||
  (isObject(value) && Object.values(value).every(isZero))

function current(wanted: unknown, live: unknown): unknown {
  if (live === undefined) return isZero(wanted) ? wanted : undefined
  if (isScalar(wanted) && isScalar(live)) return isSameQuantity(wanted, live) ? wanted : live
  if (Array.isArray(wanted) && Array.isArray(live)) {
    return wanted.length === live.length ? wanted.map((item, index) => current(item, live[index])) : live
  }
  if (isObject(wanted) && isObject(live)) {
    const entries = Object.entries(wanted).map(([key, value]) => [key, current(value, live[key])] as const)
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
  }
  return live
}

/** The program's inputs as the cluster has them; equal to `wanted` when nothing else changed those fields. */
export function currentInputs(wanted: KubernetesObject, live: KubernetesObject): KubernetesObject {
  const { stringData, ...rest } = wanted
  const now = current(rest, live) as KubernetesObject
  // The API turns stringData into data when it is written, and never returns it.
  if (!isObject(stringData)) return now
  const data = isObject(live.data) ? live.data : {}
  const kept = Object.entries(stringData).flatMap(([key, value]) => {
    const encoded = Buffer.from(String(value)).toString('base64')
    if (isDeepStrictEqual(data[key], encoded)) return [[key, value]]
    return data[key] === undefined ? [] : [[key, Buffer.from(String(data[key]), 'base64').toString()]]
  })
  return { ...now, stringData: Object.fromEntries(kept) }
}
