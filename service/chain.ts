/**
 * What lies between the token endpoint and authentik: links, each of which answers a request itself, refuses it, or
 * passes it to the next one.
 */
import type { Config } from './config.ts'
import type { WarnOfAnonymous } from './decision/anonymous-refusal.ts'
import { refuseDeletedAccounts } from './decision/deleted-accounts.ts'
import type { ReportDisagreement } from './decision/disagreement.ts'
import { refuseEarly } from './decision/early-refusal.ts'
import { explainRefusedAccess } from './decision/refused-access.ts'
import { shareAccounts } from './decision/same-account.ts'
import { checkSignatures, type SignatureCheckDependencies } from './decision/signature-check.ts'
import type { AuthentikState } from './operations/authentik-state.ts'
import type { Metrics, Purpose } from './operations/metrics.ts'
import type { Tracing } from './operations/spans.ts'
import { type RevokedSessions, refuseRevoked } from './revoked-sessions.ts'
import type { Breaker } from './upstream/breaker.ts'
import { type Call, createExchange, type Exchange } from './upstream/exchange.ts'
import type { Gate } from './upstream/gate.ts'
import { measureCall } from './upstream/measured.ts'
import type { Connections } from './upstream/pool.ts'
import { createPostForm } from './upstream/post-form.ts'
import { createRevoke, revocationUrl } from './upstream/revoke.ts'
import type { TokenCache } from './upstream/token-cache.ts'
import type { ReviewToken } from './upstream/token-review.ts'

/** What the links work with; both chains share it. */
export interface ChainParts {
  config: Config
  connections: Connections
  metrics: Pick<Metrics, 'upstream'>
  tracing: Pick<Tracing, 'upstream'>
  authentik: Pick<AuthentikState, 'answered'>
  signatures: SignatureCheckDependencies
  revoked: Pick<RevokedSessions, 'has'>
  /** Undefined if the own cluster is not a source. */
  review: ReviewToken | undefined
  cache: TokenCache
  gate: Gate
  breaker: Breaker
  report: ReportDisagreement
  warnOfAnonymous: WarnOfAnonymous
  /** Milliseconds, for durations. */
  now: () => number
  /** Milliseconds since 1970. */
  wallClock: () => number
}

/** Stands in front of an exchange. */
type Link = (next: Exchange) => Exchange

/**
 * The way of a request to authentik.
 * @param purpose what its tokens are for
 * @param client the application of authentik that gives them
 */
export function createChain(
  parts: ChainParts,
  purpose: 'registry' | 'session',
  client: Pick<Config, 'clientId' | 'scope'>,
): Exchange {
  const { config, signatures, revoked, cache, gate, breaker, report, warnOfAnonymous, now, wallClock } = parts
  const { limits, tokenUrl } = config
  const sessions = config.session !== undefined
  // The first one is asked first.
  const links: Link[] = [
    (next) => (purpose === 'registry' && config.explainRefusedPush ? explainRefusedAccess(next, { report }) : next),
    (next) => refuseEarly(next, { report, limits, now, sessions, warnOfAnonymous }),
    (next) => reviewed(next, parts),
    (next) => shareAccounts(next, { issuers: signatures.issuers, limits, now: wallClock }),
    (next) => refuseRevoked(next, revoked),
    (next) => cache.remember(next, purpose),
    (next) => checkSignatures(next, signatures),
    (next) => gate.protect(next),
    (next) => breaker.protect(next),
    (next) => measureCall(next, { purpose, ...parts }),
  ]
  const last = createExchange(client, createPost(parts, purpose, tokenUrl), wallClock)
  return links.reduceRight((next, link) => link(next), last)
}

/**
 * The way of a session to its end: the same queues and the same breaker. How long it takes says nothing about
 * exchanges, which take authentik ten times as long.
 * @param client the application of authentik that gives sessions
 */
export function createRevocation(parts: ChainParts, client: Pick<Config, 'clientId'>): Call<void> {
  const purpose = 'revocation'
  const post = createPost(parts, purpose, revocationUrl(parts.config.tokenUrl))
  const measured = measureCall(createRevoke(client.clientId, post), { purpose, ...parts })
  return parts.gate.protect(parts.breaker.protect(measured), false)
}

/** Where the service runs in a cluster whose pods pull. */
function reviewed(next: Exchange, { config, review, signatures: { issuers }, wallClock: now }: ChainParts): Exchange {
  if (config.cluster === undefined || review === undefined) return next
  const { source } = config.cluster
  return refuseDeletedAccounts(next, { source, issuers, review, limits: config.limits, now })
}

/** The call itself, with a span of its own. */
function createPost({ config, connections, tracing }: ChainParts, purpose: Purpose, url: URL) {
  return createPostForm(url, connections, config.limits, (call) =>
    tracing.upstream({ method: 'POST', url, purpose }, async ({ headers, answered }) => {
      const answer = await call(headers)
      answered(answer.status)
      return answer
    }),
  )
}
