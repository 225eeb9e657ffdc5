/**
 * What somebody without credentials may ask for: to pull the repositories that the operator named, and nothing else.
 */
import type { Glob } from '../../trust/decision/glob.ts'
import { parseScopes } from '../../trust/decision/scopes.ts'

/**
 * @param scopes as the client gave them
 * @param repositories patterns of repository names; none by default
 * @returns the scopes that go to authentik: a pull of each repository that was asked for and is open
 */
export function anonymousScopes(scopes: readonly string[], repositories: readonly Glob[]): string[] {
  return parseScopes(scopes).flatMap((scope) => {
    if (scope.type !== 'repository' || !scope.actions.has('pull')) return []
    return repositories.some((pattern) => pattern.matches(scope.name)) ? [`repository:${scope.name}:pull`] : []
  })
}
