/**
 * What stands between the token endpoint and authentik: links, each of which answers a request itself, refuses it, or
 * hands it to the next one.
 */
import type { Config } from './config.ts'
import type { WarnOfAnonymous } from './decision/anonymous-refusal.ts'
import type { ReportDisagreement } from './decision/disagreement.ts'
import { refuseEarly } from './decision/early-refusal.ts'
import { explainRefusedAccess } from './decision/refused-access.ts'
import { shareAccounts } from './decision/same-account.ts'
import { checkSignatures, type SignatureCheckDependencies } from './decision/signature-check.ts'
import type { Limits } from './limits.ts'
import type { AuthentikState } from './operations/authentik-state.ts'
import type { Metrics } from './operations/metrics.ts'
import type { Tracing } from './operations/spans.ts'
import type { Breaker } from './upstream/breaker.ts'
import { createExchange, type Exchange } from './upstream/exchange.ts'
import type { Gate } from './upstream/gate.ts'
import { measureExchange } from './upstream/measured.ts'
import type { Connections } from './upstream/pool.ts'
import { createPostForm } from './upstream/post-form.ts'
import type { TokenCache } from './upstream/token-cache.ts'

/** What the links work with; both chains share it. */
export interface ChainParts {
  config: Config
  connections: Connections
  metrics: Pick<Metrics, 'upstream'>
  tracing: Pick<Tracing, 'upstream'>
  authentik: Pick<AuthentikState, 'answered'>
  signatures: SignatureCheckDependencies
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

export type Purpose = 'registry' | 'session'

/** Stands in front of an exchange. */
type Link = (next: Exchange) => Exchange

/**
 * The way of a request to authentik.
 * @param purpose what its tokens are for
 * @param client the application of authentik that gives them
 */
export function createChain(parts: ChainParts, purpose: Purpose, client: Pick<Config, 'clientId' | 'scope'>): Exchange {
  const { config, signatures, cache, gate, breaker, report, warnOfAnonymous, now, wallClock } = parts
  const { limits } = config
  const sessions = config.session !== undefined
  // The first one is asked first.
  const links: Link[] = [
    (next) => (purpose === 'registry' && config.explainRefusedPush ? explainRefusedAccess(next, { report }) : next),
    (next) => refuseEarly(next, { report, limits, now, sessions, warnOfAnonymous }),
    (next) => shareAccounts(next, { issuers: signatures.issuers, limits, now: wallClock }),
    (next) => cache.remember(next, purpose),
    (next) => checkSignatures(next, signatures),
    (next) => gate.protect(next),
    (next) => breaker.protect(next),
    (next) => measureExchange(next, { purpose, metrics: parts.metrics, authentik: parts.authentik, now }),
  ]
  const last = createExchange(client, createPost(parts, purpose, limits), wallClock)
  return links.reduceRight((next, link) => link(next), last)
}

/** The call itself, with a span of its own. */
function createPost({ config, connections, tracing }: ChainParts, purpose: Purpose, limits: Limits) {
  const url = config.tokenUrl
  return createPostForm(url, connections, limits, (call) =>
    tracing.upstream({ method: 'POST', url, purpose }, async ({ headers, answered }) => {
      const answer = await call(headers)
      answered(answer.status)
      return answer
    }),
  )
}
