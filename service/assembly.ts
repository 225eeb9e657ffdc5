/** How the parts are put together; the way of a request to authentik is in `chain.ts`. */
import type { Server } from 'node:http'
import type { Policy } from '../trust/decision/policy.ts'
import { rulesDigest } from '../trust/decision/rules-digest.ts'
import { createChain, createRevocation } from './chain.ts'
import type { Config } from './config.ts'
import { createAnonymousWarning } from './decision/anonymous-refusal.ts'
import { createDisagreementReport } from './decision/disagreement.ts'
import { type IssuerKeys, parseKeySet } from './decision/issuer-keys.ts'
import { createFindKeyConflict } from './decision/key-conflicts.ts'
import { createRefusedKeys } from './decision/refused-keys.ts'
import { type CheckSignature, createCheckSignature } from './decision/signature.ts'
import { OWN_KEY } from './decision/signature-check.ts'
import { countRules } from './decision/trust-file.ts'
import { TokenError } from './errors.ts'
import { createOperationsServer } from './http/operations-server.ts'
import { createRateLimit } from './http/rate-limit.ts'
import { createTokenServer } from './http/server.ts'
import type { Audit } from './operations/audit.ts'
import { createAuthentikState } from './operations/authentik-state.ts'
import { oldestKeySeconds } from './operations/key-age.ts'
import type { Log } from './operations/log.ts'
import type { Metrics } from './operations/metrics.ts'
import { createReadiness, type Readiness } from './operations/readiness.ts'
import type { Tracing } from './operations/spans.ts'
import { createKeyedHash, createPresent } from './request/presented.ts'
import { createRequestCache } from './request-cache.ts'
import { createRevocationEndpoint } from './revocation.ts'
import { createRevokedSessions } from './revoked-sessions.ts'
import { createTokenEndpoint } from './token.ts'
import { type BreakerState, createBreaker } from './upstream/breaker.ts'
import { createGate } from './upstream/gate.ts'
import { probe } from './upstream/health-probe.ts'
import { createConnections } from './upstream/pool.ts'
import { createProxiedFetch } from './upstream/proxies.ts'
import { createTokenCache } from './upstream/token-cache.ts'
import { clusterOutage, createTokenReview } from './upstream/token-review.ts'

/** What the process gives. */
export interface AssemblyParts {
  config: Config
  log: Log
  audit: Audit
  metrics: Metrics
  tracing: Tracing
  /** The rules as they are now; undefined where none are loaded. */
  policy: () => Policy | undefined
  /** Whether the file of the rules cannot be used as it is now. */
  rulesRejected: () => boolean
  issuerKeys: ReadonlyMap<string, IssuerKeys> | undefined
  /** Until when the registry is being cleaned up, in milliseconds since 1970; undefined while it is not. */
  cleanUpUntilMs: () => number | undefined
  /** For keyed hashes; created at start. */
  secret: Buffer
  readFile: (path: string) => Promise<string>
  newRequestId: () => string
  /** Milliseconds, for durations. */
  now: () => number
  /** Milliseconds since 1970. */
  wallClock: () => number
}

/** Two servers that do not listen yet, and what ends with them. */
export interface Assembly {
  server: Server
  operations: Server
  readiness: Readiness
  close(): void
}

/** Puts the service together. */
export function assemble(parts: AssemblyParts): Assembly {
  const { config, log, audit, metrics, tracing, policy, now, wallClock, readFile } = parts
  const { limits } = config
  const connections = createConnections(config.tokenUrl.origin, limits, config.proxies)
  const keyed = createKeyedHash(parts.secret)
  const readiness = createReadiness()
  const authentik = createAuthentikState({
    limits,
    now,
    probe: () => probe(config.jwksUrl ?? config.tokenUrl, connections, limits),
    registryKeyIds: () => keyIdsIn(config.registryJwksFile, readFile),
  })
  const tellOf = (server: string) => (state: BreakerState) => log.warn({ breaker: state, server }, 'circuit breaker')
  const breaker = createBreaker(limits, now, tellOf('authentik'))
  const gate = createGate(limits, now)
  const credentialRate = createRateLimit({ rate: limits.credentialRate, burst: limits.credentialBurst }, now)
  const admit = (key: string) => {
    const waitSeconds = credentialRate.waitSeconds(key)
    if (waitSeconds > 0) {
      metrics.rateLimited('credential')
      throw new TokenError(
        'rate_limited',
        `This login asks too often; try again in ${waitSeconds} s, and look for a client that does not keep its tokens`,
        { waitSeconds },
      )
    }
    credentialRate.take(key)
  }
  const revoked = createRevokedSessions(limits, wallClock)
  const count = metrics.lookup
  const cache = createTokenCache({ limits, now: wallClock, count, admit, isRevoked: revoked.includes })
  const { cluster } = config
  const spared = { ...limits, breakerFailures: limits.tokenReviewFailures }
  const clusterBreaker = createBreaker(spared, now, tellOf('API server of the cluster'), clusterOutage)
  const review = cluster && clusterBreaker.protect(createTokenReview({ cluster, limits, readFile }))
  const keys = createRefusedKeys()
  const fetchKeys = config.proxies && createProxiedFetch(config.proxies)
  const chainParts = {
    ...{ config, connections, metrics, tracing, authentik, revoked, review, cache, gate, breaker, now, wallClock },
    signatures: {
      issuers: createCheckSignature(parts.issuerKeys ?? new Map(), limits, now, fetchKeys),
      keyConflict: createFindKeyConflict(parts.issuerKeys ?? new Map(), limits, now, fetchKeys),
      sessions: sessionSignatures(parts),
      keys,
    },
    report: createDisagreementReport(log, metrics.disagreement),
    warnOfAnonymous: createAnonymousWarning(log, now, limits.refusalSampleMs),
  }

  metrics.watch(
    {
      inFlight: gate.inFlight,
      places: gate.places,
      waiting: gate.waiting,
      cacheEntries: cache.entries,
      cacheBytes: cache.bytes,
      refusedKeys: keys.count,
      breaker: breaker.state,
      ready: () => readiness.problems().length === 0,
      probeAuthentik: authentik.probe,
      authentikAnswers: authentik.answers,
      registryKeysMatch: authentik.keysMatch,
      registryKeyCreated: async () => oldestKeySeconds(await keySetIn(config.registryJwksFile, readFile)),
      rules: () => countRules(policy()),
      rulesRejected: parts.rulesRejected,
      ruleDigests: () =>
        (policy()?.document.sources ?? []).map((source) => [source.slug, rulesDigest(source)] as const),
      cleanUpUntilMs: parts.cleanUpUntilMs,
    },
    limits,
  )
  const { session } = config
  const present = createPresent({ keyed, policy, now: wallClock, sessions: session !== undefined })
  const token = createTokenEndpoint({
    requestCache: createRequestCache({ limits, now: wallClock, keyed, policy, revoked }),
    config,
    limits,
    exchange: createChain(chainParts, 'registry', config),
    sessionExchange: session && createChain(chainParts, 'session', session),
    present,
    readFile,
    prepareAudit: audit.prepare,
    cleanUpUntilMs: parts.cleanUpUntilMs,
    count,
    now: wallClock,
  })
  const revocation = createRevocationEndpoint({
    revoke: session && createRevocation(chainParts, session),
    signatures: chainParts.signatures.sessions,
    ...{ present, revoked, admit, limits, now: wallClock },
  })
  return {
    server: createTokenServer({
      token,
      revocation,
      limits,
      log,
      audit,
      metrics,
      tracing,
      readiness,
      pageFacts: () => {
        authentik.probe()
        const hasRules = config.trustFile === undefined || policy() !== undefined
        return { authentikAnswers: authentik.answers(), keysMatch: authentik.keysMatch(), hasRules }
      },
      addressRate: createRateLimit({ rate: limits.addressRate, burst: limits.addressBurst }, now),
      trustedProxies: config.trustedProxies,
      addressesKnown: config.addressesKnown,
      newRequestId: parts.newRequestId,
      now,
    }),
    operations: createOperationsServer(metrics, readiness),
    readiness,
    close: () => connections.destroy(),
  }
}

/**
 * Sessions are signed with a key of the stack, which the registry has too. It is read each time, since it can be
 * replaced.
 */
function sessionSignatures({ config, readFile, now }: AssemblyParts): CheckSignature {
  let known: { text: string; check: CheckSignature } | undefined
  return async (...of) => {
    const text = config.registryJwksFile === undefined ? '' : await readFile(config.registryJwksFile).catch(() => '')
    if (known?.text !== text) {
      const keys = parseKeySet(text)
      known = { text, check: createCheckSignature(new Map(keys && [[OWN_KEY, { jwks: keys }]]), config.limits, now) }
    }
    return known.check(...of)
  }
}

async function keySetIn(path: string | undefined, readFile: AssemblyParts['readFile']) {
  return path === undefined ? undefined : parseKeySet(await readFile(path).catch(() => ''))
}

async function keyIdsIn(path: string | undefined, readFile: AssemblyParts['readFile']) {
  const keys = await keySetIn(path, readFile)
  return keys?.keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid]))
}
