/** What the plugin knows of one resource type, and how Terraform's values and the API's translate into each other. */
import { isDeepStrictEqual } from 'node:util'
import type { Properties } from '../engine/values.ts'
import type { Api } from './api.ts'

export interface Kind<Request = unknown, Entity = unknown> {
  /** The Terraform provider's defaults. */
  readonly defaults: Properties
  /** Properties whose text is JSON: spelling and order of keys do not matter. */
  readonly json?: readonly string[]
  /** The request body for wanted values (defaults and computed ones filled in). */
  request(wanted: Wanted): Request
  create(api: Api, body: Request): Promise<Entity>
  read(api: Api, id: string): Promise<Entity>
  update(api: Api, id: string, body: Request): Promise<Entity>
  delete(api: Api, id: string): Promise<void>
  id(entity: Entity): string
  /** The properties as the server has them; `prior` holds what the server does not tell. */
  state(entity: Entity, prior: Wanted, api: Api): Properties | Promise<Properties>
  /** What is left to do after the object was written. */
  after?(api: Api, id: string, wanted: Wanted, prior: Wanted): Promise<void>
  /** The id of the object that already bears the unique fields of these values. */
  find?(api: Api, wanted: Wanted): Promise<string | undefined>
}

/** Keeps the types of one kind together while the table holds them all. */
export const kind = <Request, Entity>(definition: Kind<Request, Entity>): Kind => definition as Kind

/** Reads properties with the types that the schema gives them. */
export class Wanted {
  readonly properties: Properties

  constructor(properties: Properties) {
    this.properties = properties
  }

  has(name: string): boolean {
    return !isEmpty(this.properties[name])
  }

  text(name: string): string {
    return String(this.properties[name] ?? '')
  }

  /** For fields that may be null: null when not given. */
  textOrNull(name: string): string | null {
    return this.text(name) || null
  }

  /** For fields that are left out of the body when not given. */
  given<Name extends string>(name: Name): { [key in Name]?: string } {
    return this.text(name) ? ({ [name]: this.text(name) } as { [key in Name]: string }) : {}
  }

  flag(name: string): boolean {
    return this.properties[name] === true || this.properties[name] === 'true'
  }

  number(name: string): number {
    return Number(this.properties[name] ?? 0)
  }

  numberOrNull(name: string): number | null {
    return this.has(name) ? this.number(name) : null
  }

  texts(name: string): string[] {
    return this.#list(name).map(String)
  }

  numbers(name: string): number[] {
    return this.#list(name).map(Number)
  }

  maps(name: string): Record<string, string>[] {
    return this.#list(name) as Record<string, string>[]
  }

  json(name: string): Properties {
    return JSON.parse(this.text(name) || '{}') as Properties
  }

  /** An enumeration of the API, which checks the value itself. */
  choice<T extends string>(name: string): T {
    return this.text(name) as T
  }

  #list(name: string): unknown[] {
    const value = this.properties[name]
    return Array.isArray(value) ? value : []
  }
}

/** Terraform (SDK v2) cannot tell these from "not given". */
export function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  return value === undefined || value === null || value === '' || value === false || value === 0
}

/** The server sorts; the program's order is kept where the members are the same, so that no diff appears. */
export function inOrderOf<T>(local: readonly T[], remote: readonly T[] = []): T[] {
  const kept = local.filter((item) => remote.includes(item))
  return [...kept, ...remote.filter((item) => !kept.includes(item))]
}

/** The JSON text that is already there if it means the same. */
export function jsonLike(local: string, remote: unknown): string {
  try {
    if (isDeepStrictEqual(JSON.parse(local), remote)) return local
  } catch {
    // Not JSON (or none yet): the server's is taken.
  }
  return JSON.stringify(remote ?? {})
}
