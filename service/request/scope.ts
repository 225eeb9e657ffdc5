/**
 * Scopes as distribution's scope page writes them: `type(class):name:action,action`.
 *
 * authentik judges what is granted, so scopes go there as they were given; only what cannot be a scope at all is
 * refused here.
 */
import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'

/** The characters of RFC 6749 §3.3 `scope-token`: printable ASCII without space, `"` and `\`. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/**
 * Merges the `scope` parameters of a request, each of which may hold several separated by spaces.
 * @returns each scope once, as given, in the order of its first appearance, and as many as fit: a token may hold less
 *   than was asked for (distribution's token page)
 * @throws TokenError `scope_malformed`
 */
export function mergeScopes(parameters: readonly string[], limits: Limits): string[] {
  const scopes = new Set(parameters.flatMap((parameter) => parameter.split(' ')).filter((scope) => scope !== ''))
  for (const scope of scopes) {
    if (scope.length > limits.scopeLength) {
      throw new TokenError(
        'scope_malformed',
        `A scope of the request has ${scope.length} characters; at most ${limits.scopeLength} are accepted`,
      )
    }
    if (!scopeToken.test(scope)) {
      throw new TokenError(
        'scope_malformed',
        'A scope of the request contains a character that scopes must not contain; ' +
          'one looks like repository:acme/app:pull,push, in printable ASCII without quotes and backslashes',
      )
    }
  }
  return [...scopes].slice(0, limits.scopeCount)
}
