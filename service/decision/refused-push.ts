/**
 * Tells a client why it may not push. The registry's specification would have a lesser token be the answer, and then
 * the registry says no more than "requested access to the resource is denied"; docker and skopeo print the sentence of
 * a 401 instead. Whatever is granted in part stays an answer, so that the source of a mounted layer never fails a push.
 */
import { type Access, decide } from '../../trust/decide.ts'
import { type Explanation, explainClaims } from '../../trust/explain.ts'
import { quote } from '../../trust/findings.ts'
import { parseScopes } from '../../trust/scopes.ts'
import { TokenError } from '../errors.ts'
import type { Exchange, ExchangeRequest } from '../upstream/exchange.ts'
import type { Advice } from './advice.ts'
import type { ReportDisagreement } from './disagreement.ts'

/** What changes a repository. */
type Change = 'push' | 'delete'

/** One change that was asked for. */
export interface AskedChange {
  action: Change
  name: string
}

/** How many names a sentence lists; the rest is counted. */
const NAMES_SHOWN = 3

/**
 * Puts the explanation behind an exchange.
 * @returns an exchange that throws TokenError `push_refused` where push or delete was asked and none of it is granted
 */
export function explainRefusedPush(
  exchange: Exchange,
  { advice, report }: { advice: Advice; report: ReportDisagreement },
): Exchange {
  return async (request) => {
    const issued = await exchange(request)
    const refused = issued.access ? refusedChanges(request.scopes, issued.access) : []
    if (refused.length === 0) return issued
    throw new TokenError('push_refused', sentenceFor(request, refused, advice, report))
  }
}

/** Every push and delete that was asked for, if not one of them is granted; else none. */
export function refusedChanges(scopes: readonly string[], access: readonly Access[]): AskedChange[] {
  const asked = parseScopes(scopes).flatMap((scope) => {
    if (scope.type !== 'repository') return []
    const changes = (['push', 'delete'] as const).filter((action) => scope.actions.has(action))
    return changes.map((action) => ({ action, name: scope.name }))
  })
  return asked.some((change) => isGranted(change, access)) ? [] : asked
}

function isGranted({ action, name }: AskedChange, access: readonly Access[]): boolean {
  return access.some((entry) => entry.type === 'repository' && entry.name === name && entry.actions.includes(action))
}

function sentenceFor(
  { credential, scopes, requestId }: ExchangeRequest,
  refused: readonly AskedChange[],
  advice: Advice,
  report: ReportDisagreement,
): string {
  const what = `${listed(refused.map(({ action, name }) => `${action} to ${quote(name)}`))} is not granted`
  if (credential.anonymous) return `${what} without login; log in first`
  if (credential.kind === 'password') return `${what}: the user is not in the group that may, or the group may not`
  const advised = advice(credential)
  if (!advised?.check.ok) return `${what} to this token`
  const { policy, check } = advised
  const { access } = decide(policy, check.source.slug, check.claims, scopes)
  if (refused.some((change) => isGranted(change, access))) {
    report('authentik_grants_less', requestId)
    return `${what} by authentik, though the rules here grant it: the user was deactivated, or authentik has other rules`
  }
  return `${what}; ${reachable(explainClaims(policy, check, scopes), refused)}`
}

/** What the rules that match do grant. authentik has verified the token, so its holder may know. */
function reachable(explanation: Explanation, refused: readonly AskedChange[]): string {
  const actions = [...new Set(refused.map(({ action }) => action))]
  const parts = actions.map((action) => {
    const names = new Set(explanation.scopes.flatMap((scope) => scope.reachable[action] ?? []))
    if (names.size === 0) return `no rule lets this token ${action} anything`
    return `the rules let this token ${action} to ${listed([...names].map((name) => quote(name)))}`
  })
  return parts.join('; ')
}

function listed(items: readonly string[]): string {
  const shown = items.slice(0, NAMES_SHOWN)
  const more = items.length - shown.length
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ')
}
