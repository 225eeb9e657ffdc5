/** Terraform's values as the API's, and the reverse, by the types that the schema gives them. */
import { isDeepStrictEqual } from 'node:util'
import type { Properties } from '../engine/values.ts'
import type { Entity } from './api.ts'
import type { Kind } from './kinds.ts'
import type { Property, ResourceShape } from './schema.ts'

/** The field of the API that holds a property; `uuid` is what Terraform calls the key of what it knows by a slug. */
export const apiName = (kind: Kind, name: string): string =>
  name === 'uuid' ? 'pk' : (kind.apiNames?.[name] ?? name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`))

/** Terraform (SDK v2) cannot tell these from "not given". */
export function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  return value === undefined || value === null || value === '' || value === false || value === 0
}

const isGiven = (value: unknown): boolean => typeof value === 'boolean' || !isEmpty(value)

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

/** A redirect URI is a map with the API's own names. */
const redirectUri = ({ matching_mode = 'strict', url = '' }: Properties) => ({ matching_mode, url })

function typed(value: unknown, { type, items }: Property): unknown {
  if (type === 'boolean') return value === true || value === 'true'
  if (type === 'number') return Number(value ?? 0)
  if (type === 'array') return list(value).map((item) => typed(item, items ?? {}))
  return type === 'object' ? redirectUri(value as Properties) : String(value ?? '')
}

/** The object to send for wanted values, defaults and computed ones filled in. */
export function requestOf(kind: Kind, shape: ResourceShape, wanted: Properties): Entity {
  const names = Object.keys(shape.inputs).filter(
    (name) => name !== shape.idProperty && name !== 'uuid' && !kind.notSent?.includes(name),
  )
  const sent = names.filter((name) => isGiven(wanted[name]) || !kind.optional?.includes(name))
  return Object.fromEntries(
    sent.map((name) => [apiName(kind, name), requestValue(kind, name, wanted[name], shape.inputs[name] ?? {})]),
  )
}

function requestValue(kind: Kind, name: string, value: unknown, property: Property): unknown {
  if (isEmpty(value) && kind.nullable?.includes(name)) return null
  return kind.json?.includes(name) ? JSON.parse(String(value || '{}')) : typed(value, property)
}

/** The properties as the server has them; `prior` holds what the server does not tell. */
export function stateOf(kind: Kind, shape: ResourceShape, entity: Entity, prior: Properties): Properties {
  const names = Object.keys(shape.outputs)
  return Object.fromEntries(
    names.map((name) => [name, stateValue(kind, name, entity[apiName(kind, name)], prior[name], shape)]),
  )
}

function stateValue(kind: Kind, name: string, remote: unknown, prior: unknown, shape: ResourceShape): unknown {
  if (kind.writeOnly?.includes(name)) return prior || undefined
  if (kind.json?.includes(name)) return jsonLike(String(prior ?? ''), remote)
  const property = shape.outputs[name] ?? {}
  if (property.type !== 'array') return remote
  const [before, now] = [typed(prior, property), typed(remote, property)] as [unknown[], unknown[]]
  return property.items?.type === 'object' ? now : inOrderOf(before, now)
}

/** The server sorts; the program's order is kept where the members are the same, so that no diff appears. */
function inOrderOf(local: readonly unknown[], remote: readonly unknown[]): unknown[] {
  const kept = local.filter((item) => remote.includes(item))
  return [...kept, ...remote.filter((item) => !kept.includes(item))]
}

/** The JSON text that is already there if it means the same. */
function jsonLike(local: string, remote: unknown): string {
  try {
    if (isDeepStrictEqual(JSON.parse(local), remote)) return local
  } catch {
    // Not JSON (or none yet): the server's is taken.
  }
  return JSON.stringify(remote ?? {})
}
