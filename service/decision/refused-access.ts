/**
 * Tells a client why it gets nothing. The registry's specification asks for a lesser token as the answer, and then
 * the registry says no more than "requested access to the resource is denied"; most clients print the sentence of a 401
 * instead. Whatever a client can go on with stays an answer: a push whose mounted layer may not be read, and a push of
 * which only the pull is granted where the rules let the token delete, since some clients ask for `pull,push` to delete
 * (crane, regctl: docs/observed-behaviour.md).
 */
import { claimTexts } from '../../trust/decision/claim-texts.ts'
import { type Access, decide } from '../../trust/decision/decide.ts'
import { unusableClaims, unusableSentence } from '../../trust/decision/image-names.ts'
import { quote } from '../../trust/decision/quote.ts'
import { parseScopes } from '../../trust/decision/scopes.ts'
import { type Explanation, explainClaims } from '../../trust/explain/explain.ts'
import { TokenError } from '../errors.ts'
import type { Presented } from '../request/presented.ts'
import type { Exchange, ExchangeRequest } from '../upstream/exchange.ts'
import type { ReportDisagreement } from './disagreement.ts'

/** One thing that was asked for; `*` is to list the catalog. */
export interface AskedAction {
  action: 'pull' | 'push' | 'delete' | '*'
  name: string
}

/** The sentence for it, up to the name. */
const withName = { pull: 'pull from', push: 'push to', delete: 'delete in' } as const
/** How many names a sentence lists; the rest is counted. */
const NAMES_SHOWN = 3

/**
 * Puts the explanation behind an exchange.
 * @returns an exchange that throws TokenError `push_refused` where push or delete was asked and none of it is granted,
 *   and `access_refused` where something else was asked and nothing at all is granted
 */
export function explainRefusedAccess(exchange: Exchange, { report }: { report: ReportDisagreement }): Exchange {
  return async (request) => {
    const issued = await exchange(request)
    const asked = request.asked ?? request.scopes
    const impossible = issued.access?.length === 0 ? impossibleName(request.credential, asked) : undefined
    if (impossible !== undefined) throw new TokenError('push_refused', impossible)
    const refused = issued.access ? refusedActions(asked, issued.access) : []
    if (refused.length === 0 || meansToDelete(request, refused)) return issued
    const reason = refused.some(isChange) ? 'push_refused' : 'access_refused'
    throw new TokenError(reason, sentenceFor(request, refused, report))
  }
}

/**
 * Every push and delete that was asked for, if not one of them is granted; where none was asked, everything that was,
 * if nothing of it is granted; else none.
 */
export function refusedActions(scopes: readonly string[], access: readonly Access[]): AskedAction[] {
  const asked = parseScopes(scopes).flatMap(({ name, actions }) => [...actions].map((action) => ({ action, name })))
  const changes = asked.filter(isChange)
  const decisive = changes.length > 0 ? changes : asked
  return decisive.some((one) => isGranted(one, access)) ? [] : decisive
}

function isChange({ action }: AskedAction): boolean {
  return action === 'push' || action === 'delete'
}

function isGranted({ action, name }: AskedAction, access: readonly Access[]): boolean {
  const type = action === '*' ? 'registry' : 'repository'
  return access.some((entry) => entry.type === type && entry.name === name && entry.actions.includes(action))
}

/**
 * The sentence for a job that asks for its own repository by a name that no image can have: the scope's grammar does
 * not know such a name, so nothing of it is asked, and nothing else would be said.
 */
function impossibleName(credential: Presented, asked: readonly string[]): string | undefined {
  const check = credential.anonymous ? undefined : credential.advised?.check
  if (!check?.ok) return undefined
  const texts = claimTexts(check.claims)
  const unusable = unusableClaims(check.rules, texts).filter(({ text }) =>
    asked.some((scope) => scope.toLowerCase().startsWith(`repository:${text.toLowerCase()}:`)),
  )
  return unusableSentence(check.source, texts, unusable)
}

/** Whether a client that asks to push may want to delete: it then asks again, for what the registry told it. */
function meansToDelete({ credential }: ExchangeRequest, refused: readonly AskedAction[]): boolean {
  if (refused.some(({ action }) => action !== 'push')) return false
  const { advised } = credential
  if (!advised?.check.ok) return false
  const { policy, check } = advised
  const deletes = refused.map(({ name }) => `repository:${name}:delete`)
  return decide(policy, check.source.slug, check.claims, deletes).access.length > 0
}

function sentenceFor(
  { credential, scopes, requestId }: ExchangeRequest,
  refused: readonly AskedAction[],
  report: ReportDisagreement,
): string {
  const what = `${listed(refused.map(phrase))} is not granted`
  if (credential.anonymous) return `${what} without login; log in first`
  if (credential.kind === 'password') return `${what}: the user is not in the group that may, or the group may not`
  const { advised } = credential
  if (!advised?.check.ok) return `${what} to this token`
  const { policy, check } = advised
  const { access } = decide(policy, check.source.slug, check.claims, scopes)
  if (refused.some((one) => isGranted(one, access))) {
    report('authentik_grants_less', requestId)
    return `${what} by authentik, though the rules here grant it: the user was deactivated, or authentik has other rules`
  }
  const texts = claimTexts(check.claims)
  // Of changes alone: a job that has no image of its own can still pull those of others.
  const changes = refused.flatMap(({ action }) => (action === 'push' || action === 'delete' ? [action] : []))
  const unusable = unusableSentence(check.source, texts, unusableClaims(check.rules, texts, changes))
  const why = reachable(explainClaims(policy, check, scopes), refused)
  return [what, why, ...(unusable === undefined ? [] : [unusable])].join('; ')
}

function phrase({ action, name }: AskedAction): string {
  return action === '*' ? 'listing the repositories' : `${withName[action]} ${quote(name)}`
}

/** What the rules that match do grant. authentik has verified the token, so its holder may know. */
function reachable(explanation: Explanation, refused: readonly AskedAction[]): string {
  const actions = [...new Set(refused.map(({ action }) => action))]
  const parts = actions.map((action) => {
    if (action === '*') return 'no rule lets this token list the repositories'
    const names = new Set(explanation.scopes.flatMap((scope) => scope.reachable[action] ?? []))
    if (names.size === 0) return `no rule lets this token ${action} anything`
    return `the rules let this token ${withName[action]} ${listed([...names].map((name) => quote(name)))}`
  })
  return parts.join('; ')
}

function listed(items: readonly string[]): string {
  const shown = items.slice(0, NAMES_SHOWN)
  const more = items.length - shown.length
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ')
}
