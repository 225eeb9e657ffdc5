/**
 * What to do when authentik already has an object that is not in the stack's state: made by hand, left by another
 * stack, or made by an `up` whose answer was lost. authentik's own error says only that a name is taken.
 */
import sdk from '@pulumi/authentik/package.json' with { type: 'json' }
import * as pulumi from '@pulumi/pulumi'
import { type AuthentikApi, authentikApi, type Row } from './api.ts'
import { UNUSED_CONSUMER } from './names.ts'
import { authentikAccess } from './preflight.ts'

/** authentik's wordings for "this name is taken" (Django REST framework's UniqueValidator and UniqueTogether). */
const NAME_TAKEN = /already exists|must be unique|must make a unique set/i

/** How many users of an object a message lists. */
const SHOWN_USERS = 5

const SOURCE = 'authentik:index/sourceOauth:SourceOauth'

/** Where the API lists the objects of a type, by which inputs to find one, and which field is its import id. */
interface Kind {
  readonly path: string
  /** Sets of filters (API field to input); the first that finds exactly one object counts. */
  readonly by: readonly Readonly<Record<string, string>>[]
  readonly id: 'pk' | 'slug'
}

const byName = [{ name: 'name' }]
const bySlug = [{ slug: 'slug' }]
const kinds: Readonly<Record<string, Kind>> = {
  [SOURCE]: { path: 'sources/oauth', by: bySlug, id: 'slug' },
  'authentik:index/application:Application': { path: 'core/applications', by: bySlug, id: 'slug' },
  'authentik:index/group:Group': { path: 'core/groups', by: byName, id: 'pk' },
  'authentik:index/certificateKeyPair:CertificateKeyPair': {
    path: 'crypto/certificatekeypairs',
    by: byName,
    id: 'pk',
  },
  'authentik:index/propertyMappingProviderScope:PropertyMappingProviderScope': {
    path: 'propertymappings/provider/scope',
    by: byName,
    id: 'pk',
  },
  'authentik:index/providerOauth2:ProviderOauth2': {
    path: 'providers/oauth2',
    by: [...byName, { client_id: 'clientId' }],
    id: 'pk',
  },
  'authentik:index/policyExpression:PolicyExpression': { path: 'policies/expression', by: byName, id: 'pk' },
  'authentik:index/policyBinding:PolicyBinding': {
    path: 'policies/bindings',
    by: [{ policy: 'policy', target: 'target' }],
    id: 'pk',
  },
}

/** A failed resource operation, as the engine's error hook gets it. */
export interface Failure {
  type: string
  name: string
  operation: string
  errors: string[]
}

/** Whether an object could not be made because its name is taken. */
export const isNameTaken = ({ operation, errors }: Failure): boolean =>
  operation === 'create' && errors.some((error) => NAME_TAKEN.test(error))

/** The object in the way. */
export interface Taken {
  /** What `pulumi import` takes. */
  readonly id: string
  /** In words: `application "Wiki"`. Undefined if authentik did not say. */
  readonly usedBy: readonly string[] | undefined
  /** Whether people log in through this source. */
  readonly isLogin: boolean
}

/**
 * Looks for the object that has the unique fields of these inputs.
 *
 * @throws Error if there is not exactly one, or authentik does not answer
 */
export async function findTaken(api: AuthentikApi, type: string, inputs: Row): Promise<Taken> {
  for (const [row, ...more] of await rowsOfEach(api, type, inputs)) {
    const id = row && importId(type, row)
    if (more.length > 0 || id === undefined) continue
    const usedBy = await usersOf(api, type, id).catch(() => undefined)
    return { id, usedBy: usedBy?.map(({ inWords }) => inWords), isLogin: isLogin(type, row) }
  }
  throw new Error(`authentik shows no such ${type}`)
}

/**
 * All objects of a type that have one of the unique fields of these inputs: none, one, or several where name and client
 * id belong to different objects.
 *
 * @throws AuthentikProblem
 */
export async function findRows(api: AuthentikApi, type: string, inputs: Row): Promise<Row[]> {
  const rows = (await rowsOfEach(api, type, inputs)).flat()
  return [...new Map(rows.map((row) => [row.pk, row])).values()]
}

async function rowsOfEach(api: AuthentikApi, type: string, inputs: Row): Promise<Row[][]> {
  const kind = kinds[type]
  if (kind === undefined) return []
  const found: Row[][] = []
  for (const filters of kind.by) {
    const wanted = Object.entries(filters).map(([field, input]) => [field, String(inputs[input] ?? '')] as const)
    found.push(await api.list(kind.path, Object.fromEntries(wanted)))
  }
  return found
}

/** What `pulumi import` takes for it; undefined if the answer does not say it. */
export function importId(type: string, row: Row): string | undefined {
  const id = row[kinds[type]?.id ?? 'pk']
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}

/** Whether people log in through it. */
export const isLogin = (type: string, row: Row | undefined): boolean =>
  type === SOURCE && row?.consumer_key !== UNUSED_CONSUMER

/** What refers to an object. @param id its import id @throws AuthentikProblem */
export async function usersOf(api: AuthentikApi, type: string, id: string): Promise<{ pk: string; inWords: string }[]> {
  const users = await api.get(`${kinds[type]?.path}/${encodeURIComponent(id)}/used_by`)
  if (!Array.isArray(users)) throw new Error('no list')
  return users.map(({ pk, model_name, name }) => ({
    pk: String(pk),
    inWords: `${String(model_name)} ${JSON.stringify(String(name))}`,
  }))
}

/**
 * The message for a `pulumi up` that met an object with the same name; `taken` is undefined if it was not found.
 *
 * The command names the component, or the object would be outside of it, and the provider, or Pulumi would look for one
 * called authentik in its own registry. It also removes the protection that an import adds.
 */
export function adoptionCommand({ type, name }: Failure, taken: Taken | undefined, parentUrn: string): string {
  if (taken?.isLogin) return refusal(name)
  const stackUrn = parentUrn.split('::').slice(0, 2).join('::')
  const provider = `${stackUrn}::pulumi:providers:authentik::default_${sdk.version.replaceAll('.', '_')}`
  return [
    `authentik already has "${name}" (${type}), and this stack does not know it. ${usedByInWords(taken?.usedBy)}`,
    'Adopting it OVERWRITES its settings with those of this stack, for everything else that uses it too. If it is ' +
      `this registry's, left over or created by hand${type === SOURCE ? ` (its consumer key is "${UNUSED_CONSUMER}")` : ''}:`,
    `  pulumi import ${type} ${quoted(name)} ${taken === undefined ? 'ID' : quoted(taken.id)} \\`,
    `    --parent ${quoted(`parent=${parentUrn}`)} \\`,
    `    --provider ${quoted(`authentik=${provider}`)} --protect=false --generate-code=false`,
    `${taken === undefined ? 'where ID is its primary key in authentik; ' : ''}then run \`pulumi up\` again. ` +
      'If something else uses it, rename it in authentik instead; if nothing does, delete it there.',
  ].join('\n')
}

function usedByInWords(users: readonly string[] | undefined): string {
  if (users === undefined) return 'What uses it could not be found out.'
  if (users.length === 0) return 'Nothing in authentik refers to it.'
  const more = users.length > SHOWN_USERS ? ` and ${users.length - SHOWN_USERS} more` : ''
  return `It is used by ${users.slice(0, SHOWN_USERS).join(', ')}${more}.`
}

const refusal = (name: string) =>
  `authentik already has a login source "${name}": its consumer key is not "${UNUSED_CONSUMER}", so it is not this ` +
  "registry's, and adopting it would OVERWRITE it and lock out everyone who logs in through it. Rename or delete it in " +
  'authentik, or give the source of this stack another slug: ' +
  "`pulumi config set --path 'passwordless-registry:sources[0].slug' NAME`, and the same in its rules."

/**
 * Resource hooks that print the command by which a child of this component can be adopted.
 *
 * @param label distinguishes the hooks of one program, as the engine requires
 */
export function adoptionAdvice(parent: pulumi.ComponentResource, label: string): pulumi.ResourceHookBinding {
  const hook = new pulumi.ErrorHook(`adoption-${label}`, async ({ type, name, failedOperation, newInputs, errors }) => {
    const failed = { type, name, operation: failedOperation, errors }
    if (!isNameTaken(failed)) return false
    // If the look-up fails, the command has a gap, which is better than no command.
    const taken = await authentikAccess()
      .then((access) => findTaken(authentikApi(access), type, newInputs ?? {}))
      .catch(() => undefined)
    const parentUrn = await new Promise<string>((resolve) => parent.urn.apply(resolve))
    await pulumi.log.error(adoptionCommand(failed, taken, parentUrn))
    return false
  })
  return { onError: [hook] }
}

/** For a POSIX shell. */
const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`
