/**
 * What stays in authentik beside an adopted object: what still decides or is still granted although the program does
 * not manage it, and what the program detaches from the object without deleting it.
 */
import type { AuthentikApi, Row } from '../infra/authentik/api.ts'
import { referencesOf } from './changes.ts'
import type { Found } from './found.ts'

/** As many objects of a kind as one answer of authentik lists. */
const PAGE = '100'

interface Attached {
  readonly input: string
  readonly field: string
  readonly what: string
  /** Where the objects are listed. */
  readonly path: string
}

const ATTACHED: readonly Attached[] = [
  {
    input: 'propertyMappings',
    field: 'property_mappings',
    what: 'scope mapping',
    path: 'propertymappings/provider/scope',
  },
  { input: 'jwtFederationSources', field: 'jwt_federation_sources', what: 'source', path: 'sources/oauth' },
  { input: 'jwtFederationProviders', field: 'jwt_federation_providers', what: 'provider', path: 'providers/oauth2' },
  { input: 'signingKey', field: 'signing_key', what: 'key pair', path: 'crypto/certificatekeypairs' },
]

/** Sentences; empty if the program manages everything about the object. @throws AuthentikProblem */
export async function leftOvers(api: AuthentikApi, found: Found, ids: ReadonlyMap<string, unknown>): Promise<string[]> {
  const kind = found.step.type.split(':').at(-1)
  if (kind === 'Group') return members(found)
  if (kind === 'Application') return otherBindings(api, found, ids)
  if (kind === 'ProviderOauth2') return detached(api, found, ids)
  return []
}

function members({ row, step }: Found): string[] {
  const { users } = row
  if (!Array.isArray(users) || users.length === 0 || typeof step.inputs.name !== 'string') return []
  return [`its ${users.length} member${users.length === 1 ? '' : 's'} stay: look at who they are`]
}

/** Whoever another binding admits gets a token; it grants nothing without a rule or a group. */
async function otherBindings(api: AuthentikApi, { row }: Found, ids: ReadonlyMap<string, unknown>): Promise<string[]> {
  const ours = new Set([...ids.values()].map(String))
  const bindings = await api.list('policies/bindings', { target: String(row.pk), page_size: PAGE })
  return bindings
    .filter(({ pk, target }) => target === row.pk && !ours.has(String(pk)))
    .filter(({ policy }) => policy === null || policy === undefined || !ours.has(String(policy)))
    .map(
      ({ pk, policy_obj, group_obj, user_obj }) =>
        `its binding of ${nameOf(policy_obj, 'policy') ?? nameOf(group_obj, 'group') ?? nameOf(user_obj, 'user') ?? String(pk)} stays and keeps admitting people: delete it in authentik, unless you want that`,
    )
}

function nameOf(object: unknown, what: string): string | undefined {
  const { name, username } = (object ?? {}) as Row
  const text = name ?? username
  return typeof text === 'string' ? `${what} ${JSON.stringify(text)}` : undefined
}

async function detached(api: AuthentikApi, { row, step }: Found, ids: ReadonlyMap<string, unknown>): Promise<string[]> {
  const sentences: string[] = []
  for (const { input, field, what, path } of ATTACHED) {
    const { known } = referencesOf(step, input, step.inputs[input], ids)
    const has = Array.isArray(row[field]) ? row[field] : [row[field] ?? []].flat()
    const gone = has.filter((pk) => !known.includes(String(pk)))
    if (gone.length === 0) continue
    const rows = await api.list(path, { page_size: PAGE }).catch(() => [])
    for (const pk of gone) {
      const name = rows.find((one) => one.pk === pk)?.name
      sentences.push(`${what} ${JSON.stringify(String(name ?? pk))} stays in authentik, but not at this provider`)
    }
  }
  return sentences
}
