/**
 * Scopes as distribution's scope page writes them: `type(class):name:action,action`.
 *
 * authentik judges what is granted, so every scope goes there as it was given; only what cannot be a scope at all is
 * refused here. The parsed form is for the log and, later, for rules.
 */
import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'

/** One resource scope, taken apart. */
export interface ResourceScope {
  type: string
  /** `plugin` in `repository(plugin)`; deprecated and without effect in distribution. */
  class?: string
  /** May hold a port: `localhost:5000/acme/app`. */
  name: string
  /** Without repetitions and empty ones; may be empty. */
  actions: string[]
}

/** The characters of RFC 6749 §3.3 `scope-token`: printable ASCII without space, `"` and `\`. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

// distribution, "Resource Scope Grammar". The name is greedy up to the last colon, since it may hold a port.
const resourceScope = /^(?<type>[a-z0-9]+)(?:\((?<class>[a-z0-9]+)\))?:(?<name>.+):(?<actions>[a-z*,]*)$/
const hostComponent = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?'
const hostname = `${hostComponent}(?:\\.${hostComponent})*(?::[0-9]+)?`
const component = '[a-z0-9]+(?:(?:[_.]|__|-+)[a-z0-9]+)*'
const resourceName = new RegExp(`^(?:${hostname}/)?${component}(?:/${component})*$`)

/**
 * Takes a resource scope apart.
 * @returns undefined if it is none by distribution's grammar (`openid`, an upper-case repository, no actions field)
 */
export function parseScope(text: string): ResourceScope | undefined {
  const parts = resourceScope.exec(text)?.groups
  if (!parts?.type || !parts.name || parts.actions === undefined || !resourceName.test(parts.name)) return undefined
  const actions = [...new Set(parts.actions.split(',').filter((action) => action !== ''))]
  return { type: parts.type, ...(parts.class ? { class: parts.class } : {}), name: parts.name, actions }
}

/**
 * Merges the `scope` parameters of a request, each of which may hold several separated by spaces.
 * @returns each scope once, as given, in the order of its first appearance
 * @throws TokenError `scope_malformed` or `scopes_too_many`
 */
export function mergeScopes(parameters: readonly string[], limits: Limits): string[] {
  const scopes = new Set(parameters.flatMap((parameter) => parameter.split(' ')).filter((scope) => scope !== ''))
  if (scopes.size > limits.scopeCount) {
    throw new TokenError(
      'scopes_too_many',
      `The request asks for ${scopes.size} scopes; at most ${limits.scopeCount} go into one token, so ask in parts`,
    )
  }
  for (const scope of scopes) {
    if (scope.length > limits.scopeLength) {
      throw new TokenError(
        'scope_malformed',
        `A scope of the request has ${scope.length} characters; at most ${limits.scopeLength} are taken`,
      )
    }
    if (!scopeToken.test(scope)) {
      throw new TokenError(
        'scope_malformed',
        'A scope of the request holds a character that no scope may hold; ' +
          'one looks like repository:acme/app:pull,push, in printable ASCII without quotes and backslashes',
      )
    }
  }
  return [...scopes]
}
