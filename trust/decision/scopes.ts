/** The `scope` parameter of the registry's token specification (docs/spec/auth/scope.md). */
import { MAX_SCOPES } from '../limits.ts'
import { isResourceName } from './repository-names.ts'

/** The actions on a repository, in the order in which they are granted. */
export const repositoryActions = ['pull', 'push', 'delete'] as const
export type RepositoryAction = (typeof repositoryActions)[number]

/** For a repository: every action (skopeo asks for this before it deletes). For the catalog: its only action. */
const EVERY_ACTION = '*'

/** One resource and the known actions asked of it. */
export type RequestedScope =
  | { readonly type: 'repository'; readonly name: string; readonly actions: ReadonlySet<RepositoryAction> }
  | { readonly type: 'registry'; readonly name: 'catalog'; readonly actions: ReadonlySet<'*'> }

/**
 * What scope parameters ask for, each resource once, in order of appearance. Words outside the grammar, unknown
 * actions, classes such as `repository(plugin)` and words beyond the limit ask for nothing.
 *
 * @param scopes any number of parameters, each with one scope or several between spaces
 */
export function parseScopes(scopes: readonly string[]): RequestedScope[] {
  const repositories = new Map<string, { type: 'repository'; name: string; actions: Set<RepositoryAction> }>()
  const catalog = { type: 'registry' as const, name: 'catalog' as const, actions: new Set<'*'>() }
  const order = new Set<RequestedScope>()
  for (const word of words(scopes)) {
    const colon = word.indexOf(':')
    const lastColon = word.lastIndexOf(':')
    if (lastColon === colon) continue // name and actions need two colons
    const type = word.slice(0, colon)
    const name = word.slice(colon + 1, lastColon)
    const actions = word.slice(lastColon + 1).split(',')
    if (type === 'repository' && isResourceName(name)) {
      const scope = repositories.get(name) ?? { type, name, actions: new Set<RepositoryAction>() }
      const all = actions.includes(EVERY_ACTION)
      for (const action of repositoryActions) if (all || actions.includes(action)) scope.actions.add(action)
      repositories.set(name, scope)
      order.add(scope)
    } else if (type === 'registry' && name === 'catalog') {
      if (actions.includes(EVERY_ACTION)) catalog.actions.add(EVERY_ACTION)
      order.add(catalog)
    }
  }
  return [...order]
}

function words(scopes: readonly string[]): string[] {
  const all = scopes.flatMap((scope) => scope.split(' ')).filter((word) => word !== '')
  return all.slice(0, MAX_SCOPES)
}
