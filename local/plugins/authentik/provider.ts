/**
 * Stands in for the any-Terraform-provider bridge 1.1.3 with goauthentik/authentik 2026.5.0: same tokens, inputs,
 * outputs, ids, secrets and requests (the latter compared with a recording of the real one).
 */
import { isDeepStrictEqual } from 'node:util'
import type { PropertyChange } from '../engine/diff.ts'
import type {
  CheckCall,
  CreateCall,
  DeleteCall,
  Diff,
  DiffCall,
  Failure,
  Made,
  Provider,
  ReadCall,
  UpdateCall,
} from '../engine/provider.ts'
import { hasUnknown, type Properties, secret, UNKNOWN } from '../engine/values.ts'
import { importCommand } from './adoption.ts'
import { Api, ApiError, type Entity, orMissing } from './api.ts'
import { type Kind, kindOf } from './kinds.ts'
import { type ResourceShape, schema, schemaText, shapeOf } from './schema.ts'
import { apiName, isEmpty, requestOf, stateOf } from './translation.ts'

/** As many random hex digits as the bridge appends to a resource's name where the program gives none. */
const RANDOM_NAME_DIGITS = 7
/** Where the bridge notes which inputs it filled in. */
const DEFAULTS_KEY = '__defaults'

export class AuthentikProvider implements Provider {
  readonly version = schema.parameterization.baseProvider.version
  #api: Api | undefined

  schema(): string {
    return schemaText
  }

  parameterize(): { name: string; version: string } {
    return { name: schema.name, version: schema.version }
  }

  checkConfig(config: Properties): Failure[] {
    const { url, token } = withEnvironment(config)
    const missing = (property: string, variable: string, example: string): Failure => ({
      property,
      reason: `not set. Expected in \`pulumi config set ${example}\` or in the environment as ${variable}`,
    })
    return [
      ...(url ? [] : [missing('url', 'AUTHENTIK_URL', 'authentik:url https://authentik.example.com')]),
      ...(token ? [] : [missing('token', 'AUTHENTIK_TOKEN', '--secret authentik:token')]),
    ]
  }

  configure(config: Properties): void {
    // This process talks to authentik alone, so the switch reaches no further than the setting says.
    if (String(config.insecure) === 'true') process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    const headers = typeof config.headers === 'string' ? JSON.parse(config.headers) : (config.headers ?? {})
    this.#api = new Api({ ...withEnvironment(config), headers })
  }

  get #connected(): Api {
    if (!this.#api) throw new Error('the engine has not configured this provider yet')
    return this.#api
  }

  check({ type, name, olds, news, randomSeed }: CheckCall): { inputs: Properties; failures: Failure[] } {
    const shape = shapeOf(type)
    const kind = kindOf(type)
    const filled: Properties = { ...kind.defaults }
    if ('name' in shape.inputs && !shape.required.includes('name')) {
      const digits = Buffer.from(randomSeed).toString('hex').slice(0, RANDOM_NAME_DIGITS)
      filled.name = wasFilled(olds, 'name') ? olds.name : `${name}-${digits}`
    }
    const defaults = Object.keys(filled).filter((property) => news[property] === undefined)
    const inputs = { ...filled, ...news, [DEFAULTS_KEY]: defaults.sort() }
    return { inputs, failures: [...missingInputs(shape, news), ...brokenJson(kind, news)] }
  }

  diff({ type, oldState, news, ignoreChanges }: DiffCall): Diff {
    const shape = shapeOf(type)
    const kind = kindOf(type)
    const considered = Object.keys(shape.inputs).filter(
      (name) => name !== shape.idProperty && !ignoreChanges.includes(name),
    )
    return { changes: considered.flatMap((name) => propertyChange(shape, kind, name, oldState[name], news[name])) }
  }

  async create(call: CreateCall): Promise<Made> {
    const { type, inputs, preview } = call
    const shape = shapeOf(type)
    if (preview || hasUnknown(inputs)) {
      const unknown = Object.keys(shape.outputs).filter(
        (output) => shape.computed.has(output) && inputs[output] === undefined,
      )
      return { id: '', state: { ...withoutMarks(inputs), ...Object.fromEntries(unknown.map((key) => [key, UNKNOWN])) } }
    }
    const kind = kindOf(type)
    const entity = await this.#connected
      .request('POST', `${kind.path}/`, requestOf(kind, shape, inputs))
      .catch(async (error: unknown) => {
        throw await this.#explained(error, call, kind)
      })
    const state = await this.#written(shape, kind, entity, inputs, {})
    return { id: idOf(kind, entity), state }
  }

  async read({ type, id, oldState, oldInputs }: ReadCall): Promise<(Made & { inputs: Properties }) | undefined> {
    const shape = shapeOf(type)
    const kind = kindOf(type)
    const entity = await orMissing(this.#connected.request('GET', `${kind.path}/${id}/${kind.readQuery ?? ''}`))
    if (entity === undefined) return undefined
    const state = await this.#state(shape, kind, entity, oldState)
    const imported = Object.keys(oldInputs).length === 0
    const names = imported
      ? Object.keys(shape.inputs).filter((name) => !shape.computed.has(name))
      : Object.keys(oldInputs).filter((name) => name !== DEFAULTS_KEY)
    const inputs = Object.fromEntries(names.flatMap((name) => (state[name] === undefined ? [] : [[name, state[name]]])))
    return { id: idOf(kind, entity), state, inputs: { ...inputs, [DEFAULTS_KEY]: oldInputs[DEFAULTS_KEY] ?? [] } }
  }

  async update({ type, id, oldState, news, ignoreChanges, preview }: UpdateCall): Promise<Properties> {
    const shape = shapeOf(type)
    if (preview || hasUnknown(news)) return { ...oldState, ...withoutMarks(news) }
    const kind = kindOf(type)
    const kept = Object.keys(shape.inputs).filter(
      (name) => ignoreChanges.includes(name) || (shape.computed.has(name) && isEmpty(news[name])),
    )
    const wanted = { ...news, ...Object.fromEntries(kept.map((name) => [name, oldState[name]])) }
    const entity = await this.#connected.request('PUT', `${kind.path}/${id}/`, requestOf(kind, shape, wanted))
    return this.#written(shape, kind, entity, wanted, oldState)
  }

  async delete({ type, id }: DeleteCall): Promise<void> {
    await orMissing(this.#connected.request('DELETE', `${kindOf(type).path}/${id}/`))
  }

  async #written(shape: ResourceShape, kind: Kind, entity: Entity = {}, wanted: Properties, prior: Properties) {
    await kind.after?.(this.#connected, idOf(kind, entity), wanted, prior)
    return this.#state(shape, kind, entity, wanted)
  }

  async #state(shape: ResourceShape, kind: Kind, entity: Entity, prior: Properties): Promise<Properties> {
    const more = await kind.more?.(this.#connected, entity)
    const told = { ...stateOf(kind, shape, entity, prior), ...more, [shape.idProperty]: idOf(kind, entity) }
    const known = Object.entries(told).filter(([, value]) => value !== undefined && value !== null)
    return Object.fromEntries(known.map(([name, value]) => [name, shape.outputs[name]?.secret ? secret(value) : value]))
  }

  /** Adds how to adopt the object that is in the way, where authentik says that there is one. */
  async #explained(error: unknown, subject: CreateCall, kind: Kind): Promise<unknown> {
    if (!(error instanceof ApiError) || error.status !== 400 || !/exists|unique/.test(error.message)) return error
    const what = `${subject.type.split(':').at(-1)} "${subject.name}"`
    const summary = `${what} is in authentik already, but not in this stack's state. ${error.message}`
    const found = await this.#inTheWay(kind, subject.inputs).catch(() => undefined)
    if (found === undefined) return new ApiError(400, summary)
    return new ApiError(400, `${summary} To adopt it: ${importCommand(subject, idOf(kind, found), schema)}`)
  }

  /** The object that already has the unique properties of the wanted one, unless it is not to be adopted. */
  async #inTheWay(kind: Kind, wanted: Properties): Promise<Entity | undefined> {
    if (kind.id === 'slug') {
      const found = await orMissing(this.#connected.request('GET', `${kind.path}/${wanted.slug}/`))
      return found && kind.mayAdopt?.(found, wanted) === false ? undefined : found
    }
    for (const names of kind.unique ?? []) {
      const given = names.filter((name) => !isEmpty(wanted[name]) || typeof wanted[name] === 'number')
      const filter = Object.fromEntries(given.map((name) => [apiName(kind, name), String(wanted[name])]))
      const found = await this.#connected.first(kind.path, filter)
      if (found) return found
    }
    return undefined
  }
}

const idOf = (kind: Kind, entity: Entity = {}): string => String(entity[kind.id])

function withEnvironment(config: Properties): { url: string; token: string } {
  const url = String(config.url ?? process.env.AUTHENTIK_URL ?? '')
  return { url: url.replace(/\/+$/, ''), token: String(config.token ?? process.env.AUTHENTIK_TOKEN ?? '') }
}

const withoutMarks = ({ [DEFAULTS_KEY]: _, ...properties }: Properties): Properties => properties

const wasFilled = (olds: Properties, name: string): boolean =>
  Array.isArray(olds[DEFAULTS_KEY]) && olds[DEFAULTS_KEY].includes(name)

const missingInputs = (shape: ResourceShape, news: Properties): Failure[] =>
  shape.required
    .filter((property) => news[property] === undefined || news[property] === null)
    .map((property) => ({ property, reason: `missing required property "${property}"` }))

function brokenJson(kind: Kind, news: Properties): Failure[] {
  return (kind.json ?? []).flatMap((property) => {
    const text = news[property]
    if (typeof text !== 'string' || text === UNKNOWN || text === '' || parsed(text) !== undefined) return []
    return [{ property, reason: 'expected JSON, as JSON.stringify({...}) writes it' }]
  })
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return undefined
  }
}

/** Terraform compares what is wanted with what the state holds, and knows numbers, strings and lists of both. */
function isSame(kind: Kind, name: string, before: unknown, after: unknown): boolean {
  if (kind.json?.includes(name)) return isDeepStrictEqual(parsed(before || '{}'), parsed(after || '{}'))
  if (Array.isArray(before) && Array.isArray(after)) {
    return before.length === after.length && before.every((item, index) => isSame(kind, '', item, after[index]))
  }
  if (typeof before === 'object' || typeof after === 'object') return isDeepStrictEqual(before, after)
  return String(before) === String(after)
}

function propertyChange(
  shape: ResourceShape,
  kind: Kind,
  name: string,
  before: unknown,
  after: unknown,
): PropertyChange[] {
  if (isEmpty(after) && (isEmpty(before) || shape.computed.has(name))) return []
  if (isEmpty(after) && (after === undefined || after === null)) return [{ path: name, kind: 'delete', replace: false }]
  if (isEmpty(before) && (before === undefined || before === null)) return [{ path: name, kind: 'add', replace: false }]
  return isSame(kind, name, before, after) ? [] : [{ path: name, kind: 'update', replace: false }]
}
