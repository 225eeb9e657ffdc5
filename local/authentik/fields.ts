/** The kinds of fields that API objects have, and the types of their stored values. */
import type { Release } from './version.ts'

/** Anything that JSON can carry. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

export type JsonObject = { [key: string]: Json }

/** The kinds of rows; of the first ones `pk` is a number. */
export type NumberedKind = 'users' | 'providers' | 'accessTokens'
export type Kind =
  | NumberedKind
  | 'applications'
  | 'bindings'
  | 'certificates'
  | 'flows'
  | 'groups'
  | 'policies'
  | 'scopeMappings'
  | 'sources'
  | 'staticTokens'

interface Options {
  required?: true
  /** What a create without the field stores. Without one, the resource's `create` fills it in. */
  default?: unknown
  nullable?: true
  /** The empty string is a value. */
  blank?: true
  unique?: true
  maxLength?: number
  /** A field of the API that no column holds; the resource's `saved` acts on it. */
  virtual?: true
  /** The release that brought the field; older rows do not have it. */
  since?: Release
}

/** `Value` is for the compiler alone: the type of what a row stores. */
export interface Field<Value = unknown> extends Options {
  type:
    | 'text'
    | 'slug'
    | 'integer'
    | 'boolean'
    | 'object'
    | 'list'
    | 'choice'
    | 'choices'
    | 'date'
    | 'duration'
    | 'one'
    | 'many'
  choices?: readonly string[]
  minimum?: number
  /** The kinds of rows whose `pk` this field holds. */
  references?: readonly Kind[]
  /** What becomes of the row when the one it refers to is deleted. A list only loses the entry. */
  onDelete?: 'cascade' | 'clear'
  value?: Value
}

type Stored<Value, O> = O extends { virtual: true }
  ? never
  : Value | (O extends { nullable: true } ? null : never) | (O extends { since: Release } ? undefined : never)
type PkOf<K> = K extends NumberedKind ? number : string

/** The columns of rows with these fields. */
export type Columns<Fields> = {
  [Name in keyof Fields as Fields[Name] extends Field<never> ? never : Name]: Fields[Name] extends Field<infer Value>
    ? Value
    : never
}

type Maker<Value> = <const O extends Options & { minimum?: number }>(options?: O) => Field<Stored<Value, O>>

const maker =
  <Value>(type: Field['type'], defaults: Options = {}): Maker<Value> =>
  (options) =>
    ({ type, ...defaults, ...options }) as never

export const text = maker<string>('text')
export const slug = maker<string>('slug')
export const integer = maker<number>('integer')
export const list = maker<Json[]>('list', { default: [] })
export const date = maker<string | null>('date', { nullable: true, default: null })
export const object = (): Field<JsonObject> => ({ type: 'object', default: {} })
export const duration = (value: string): Field<string> => ({ type: 'duration', default: value })

export const boolean = <const O extends Options>(value: boolean, options?: O): Field<Stored<boolean, O>> =>
  ({ type: 'boolean', default: value, ...options }) as never

/** One of a closed set; the first is the default, unless the field is required. */
export const choice = (choices: readonly string[], options: Options = {}): Field<string> => ({
  type: 'choice',
  choices,
  ...(options.required ? {} : { default: choices[0] }),
  ...options,
})

/** Any number of a closed set. */
export const choices = <const O extends Options>(values: readonly string[], options?: O): Field<Stored<string[], O>> =>
  ({ type: 'choices', choices: values, default: [], ...options }) as never

/** The `pk` of one row of one of these kinds. */
export const one = <K extends Kind, const O extends Options>(
  references: K | readonly K[],
  onDelete: 'cascade' | 'clear',
  options?: O,
): Field<Stored<PkOf<K>, O>> => ({ type: 'one', references: [references].flat() as K[], onDelete, ...options }) as never

/** The `pk`s of any number of rows. Without a kind, of objects that the stand-in does not have: only `[]` is valid. */
export const many = <K extends Kind, const O extends Options>(
  references?: K,
  options?: O,
): Field<Stored<PkOf<K>[], O>> =>
  ({ type: 'many', references: references ? [references] : [], default: [], ...options }) as never

/** The stored values of a row that is created without naming these fields. */
export function defaultValues(fields: Record<string, Field>): Record<string, unknown> {
  const stored = Object.entries(fields).filter(([, field]) => !field.virtual && 'default' in field)
  return Object.fromEntries(stored.map(([name, field]) => [name, structuredClone(field.default)]))
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
