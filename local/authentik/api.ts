/** `/api/v3/`: list, create, read, update, delete for every resource of the table, behind an API token. */
import { deleteRow } from './deletion.ts'
import { defaultValues } from './fields.ts'
import { type Answer, detail, type HttpRequest, json, jsonBody, noContent } from './http.ts'
import { listPage } from './listing.ts'
import { type ApiContext, type Resource, ValidationFailed } from './resource.ts'
import { resources } from './resources/index.ts'
import { isSuperuser } from './resources/user.ts'
import type { Json, User } from './rows.ts'
import { sameSecret } from './secrets.ts'
import type { Store } from './store.ts'
import { usedBy } from './used-by.ts'
import { type FieldErrors, readFields } from './validation.ts'
import { isSince } from './version.ts'

const PREFIX = '/api/v3/'

type Row = Record<string, unknown> & { pk: string | number }

/** Everything that a request needs beside itself. */
export type ApiServices = Pick<ApiContext, 'store' | 'expressions' | 'clock' | 'version'>

/**
 * Answers one API request. What it changed is on disk when it answers.
 * @throws Answer for every refusal
 */
export async function answerApi(request: HttpRequest, services: ApiServices): Promise<Answer> {
  const path = request.path.slice(PREFIX.length)
  const user = authenticate(request, services)
  const fixed = fixedAnswers(services.version)[path]
  if (fixed) return json(200, fixed)

  const resource = resources.find((candidate) => path.startsWith(`${candidate.path}/`))
  if (!resource) throw detail(404, 'Not found.')
  const context: ApiContext = { ...services, origin: request.origin, query: request.query, user }
  const [lookup = '', action = '', ...rest] = path
    .slice(resource.path.length + 1)
    .split('/')
    .slice(0, -1)
  if (rest.length > 0 || !path.endsWith('/')) throw detail(404, 'Not found.')
  if (lookup === '') return await answerCollection(resource, request, context)
  return await answerObject(resource, lookup, action, request, context)
}

const fixedAnswers = (version: string): Record<string, Json> => ({
  'root/config/': {
    error_reporting: {
      enabled: false,
      sentry_dsn: '',
      environment: 'stand-in',
      send_pii: false,
      traces_sample_rate: 0,
    },
    capabilities: ['can_save_media'],
    cache_timeout: 300,
    cache_timeout_flows: 300,
    cache_timeout_policies: 300,
  },
  'admin/version/': {
    version_current: version,
    version_latest: version,
    version_latest_valid: true,
    build_hash: 'stand-in',
    outdated: false,
    outpost_outdated: false,
  },
})

/** Who calls. authentik refuses with 403 where others answer 401. */
function authenticate(request: HttpRequest, { store, clock }: ApiServices): User {
  const header = request.headers.authorization
  if (!header) throw detail(403, 'Authentication credentials were not provided.')
  const [scheme, key = ''] = header.split(' ')
  const token =
    scheme?.toLowerCase() === 'bearer'
      ? store.find('staticTokens', (row) => row.intent === 'api' && sameSecret(row.key, key))
      : undefined
  const user = token && store.get('users', token.user)
  const expired = token?.expires && Date.parse(token.expires) <= clock()
  if (!user?.is_active || expired) throw detail(403, 'Token invalid/expired')
  if (!isSuperuser(store, user)) throw detail(403, 'You do not have permission to perform this action.')
  return user
}

async function answerCollection(resource: Resource, request: HttpRequest, context: ApiContext): Promise<Answer> {
  allow(request.method, ['GET', 'POST'], resource)
  if (request.method === 'GET') return json(200, listPage(resource, context))
  const values = await validInput(resource, jsonBody(request), context, {})
  const row = {
    ...defaultValues(resource.fields),
    ...resource.create(values, context),
    ...stored(resource, values),
  } as Row
  context.store.insert(resource.kind, row as never)
  return await saved(resource, row, values, context, 201)
}

async function answerObject(
  resource: Resource,
  lookup: string,
  action: string,
  request: HttpRequest,
  context: ApiContext,
): Promise<Answer> {
  const { store } = context
  const row = findRow(resource, lookup, store)
  if (action) return await answerAction(resource, row, action, request, context)
  allow(request.method, ['GET', 'PUT', 'PATCH', 'DELETE'], resource)
  if (request.method === 'GET') return json(200, present(resource, row, context))
  if (request.method === 'DELETE') {
    deleteRow(store, resource.kind, row.pk)
    await store.save()
    return noContent()
  }
  const partial = request.method === 'PATCH'
  const values = await validInput(resource, jsonBody(request), context, { existing: row, partial })
  // It may have been deleted while another server was asked for its keys.
  const current = findRow(resource, lookup, store)
  Object.assign(current, stored(resource, values))
  return await saved(resource, current, values, context, 200)
}

async function answerAction(
  resource: Resource,
  row: Row,
  name: string,
  request: HttpRequest,
  context: ApiContext,
): Promise<Answer> {
  if (name === 'used_by' && request.method === 'GET') return json(200, usedBy(resource.kind, row.pk, context.store))
  const action = resource.actions?.[name]
  if (!action) throw detail(404, 'Not found.')
  if (request.method !== action.method) throw detail(405, `Method "${request.method}" not allowed.`)
  const result = action.run(row as never, jsonBody(request), context)
  if (action.method === 'POST') await context.store.save()
  return result === undefined ? noContent() : json(200, result)
}

function findRow(resource: Resource, lookup: string, store: Store): Row {
  const rows = store.all(resource.kind) as unknown as Row[]
  const row = rows.find((candidate) => String(candidate[resource.lookup]) === lookup)
  if (!row) throw detail(404, `No ${resource.model} matches the given query.`)
  return row
}

function allow(method: string, methods: readonly string[], resource: Resource): void {
  if (!methods.includes(method) || (resource.methods && !resource.methods.includes(method))) {
    throw detail(405, `Method "${method}" not allowed.`)
  }
}

/** The values that a client sent, checked one by one, then together, then against the other rows. */
async function validInput(
  resource: Resource,
  input: Record<string, unknown>,
  context: ApiContext,
  { existing, partial = false }: { existing?: Row; partial?: boolean },
): Promise<Record<string, unknown>> {
  const { values, errors } = readFields(fieldsOf(resource, context.version), input, context.store, partial)
  refuse({ ...uniqueErrors(resource, values, context.store, existing), ...errors })
  await resource.validate?.(values, context, existing as never)
  // Once more: while it waited, another request may have taken the name.
  refuse(uniqueErrors(resource, values, context.store, existing))
  return values
}

function refuse(errors: FieldErrors): void {
  if (Object.keys(errors).length > 0) throw new ValidationFailed(errors)
}

function uniqueErrors(
  { kind, label, fields, uniqueTogether }: Resource,
  values: Record<string, unknown>,
  store: Store,
  existing: Row | undefined,
): FieldErrors {
  const others = (store.all(kind) as unknown as Row[]).filter((row) => row.pk !== existing?.pk)
  const errors: FieldErrors = {}
  for (const [name, field] of Object.entries(fields)) {
    const value = values[name]
    if (!field.unique || value === undefined || value === null) continue
    if (others.some((row) => row[name] === value)) errors[name] = [`${label} with this ${name} already exists.`]
  }
  if (uniqueTogether) {
    const row = { ...existing, ...values } as Row
    if (others.some((other) => uniqueTogether.every((name) => row[name] !== null && other[name] === row[name]))) {
      errors.non_field_errors = [`The fields ${uniqueTogether.join(', ')} must make a unique set.`]
    }
  }
  return errors
}

/** What a client can set; a field that this version does not know yet is ignored as any unknown one is. */
const fieldsOf = ({ fields }: Resource, version: string) =>
  Object.fromEntries(Object.entries(fields).filter(([, { since }]) => since === undefined || isSince(since, version)))

/** The values that go into the row itself. */
const stored = ({ fields }: Resource, values: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(values).filter(([name]) => !fields[name]?.virtual))

const present = (resource: Resource, row: Row, context: ApiContext) => resource.present(row as never, context)

async function saved(
  resource: Resource,
  row: Row,
  values: Record<string, unknown>,
  context: ApiContext,
  status: number,
): Promise<Answer> {
  resource.saved?.(row as never, values, context)
  const answer = json(status, present(resource, row, context))
  await context.store.save()
  return answer
}
