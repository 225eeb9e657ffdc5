/** What the API knows of one kind of object; the table of all of them is in resources/index.ts. */
import { randomUUID } from 'node:crypto'
import type { Expressions } from './expressions/worker.ts'
import type { Field } from './fields.ts'
import { Answer, JSON_TYPE } from './http.ts'
import { type Json, type JsonObject, type Kind, type Rows, tables, type User } from './rows.ts'
import type { Store } from './store.ts'
import type { FieldErrors } from './validation.ts'

/** What a resource may use while it serves a request. */
export interface ApiContext {
  store: Store
  expressions: Expressions
  /** Milliseconds since the epoch. */
  clock: () => number
  /** The version of authentik that the stand-in is. */
  version: string
  /** Scheme and host by which the client came, without a slash at the end. */
  origin: string
  query: URLSearchParams
  /** Whose API token it is. */
  user: User
}

/** A refusal of what a client sent, answered as 400 with the messages by field. */
export class ValidationFailed extends Answer {
  readonly errors: FieldErrors

  constructor(errors: FieldErrors) {
    super(400, JSON.stringify(errors), JSON_TYPE)
    this.errors = errors
  }
}

/** Something beside create, read, update and delete, at `<object>/<name>/`. */
export interface Action<K extends Kind> {
  method: 'GET' | 'POST'
  /** @returns the JSON to answer with 200, or undefined for 204 */
  run(row: Rows[K], input: Record<string, unknown>, context: ApiContext): Json | undefined
}

export interface Resource<K extends Kind = Kind> {
  kind: K
  /** Below `/api/v3/`. */
  path: string
  /** The field by which an object's URL names it. */
  lookup: 'pk' | 'slug' | 'identifier'
  /** Django's class, as "No Group matches the given query." has it. */
  model: string
  /** Django's verbose name, as "Group with this name already exists." has it. */
  label: string
  fields: Record<string, Field>
  /** Fields whose values may occur together only once. */
  uniqueTogether?: readonly string[]
  methods?: readonly string[]
  autocomplete?: JsonObject

  /**
   * Checks that need more than one field, another server or Python.
   * @param values what was sent, each value valid on its own; more may be added
   * @throws ValidationFailed
   */
  validate?(values: Record<string, unknown>, context: ApiContext, existing?: Rows[K]): Promise<void> | void
  /** What the server itself puts into a new row. */
  create(values: Record<string, unknown>, context: ApiContext): Partial<Rows[K]>
  /** Follows a create or an update, in the same moment. */
  saved?(row: Rows[K], values: Record<string, unknown>, context: ApiContext): void
  present(row: Rows[K], context: ApiContext): Json
  actions?: Record<string, Action<K>>
}

type Declared<K extends Kind> = Omit<Resource<K>, 'fields' | 'create'> & Partial<Pick<Resource<K>, 'create'>>

/** Declares a resource; its fields and the type of its rows follow from `kind`. */
export const resource = <K extends Kind>(declared: Declared<K>): Resource =>
  ({ create: () => ({ pk: randomUUID() }), fields: tables[declared.kind], ...declared }) as unknown as Resource
