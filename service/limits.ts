/**
 * The bounds of the token service that have to fit together (`limits.test.ts`), or that tests set otherwise; each with
 * its unit and where the figure comes from. The metric `token_service_limit` shows those in force. A bound that
 * concerns one file alone is a constant there.
 *
 * An operator can set the few that `operatorLimits` names, for the reasons that service/README.md gives.
 */
const KiB = 1024
const seconds = 1000
const minutes = 60 * seconds

export const limits = {
  /** Bytes of request line and headers. Base64 makes 32 KiB of the longest credential; the rest is for scopes. */
  headerBytes: 64 * KiB,
  /** Bytes of a request's body: percent-encoding makes 72 KiB of the worst credential, but none of a real token. */
  bodyBytes: 64 * KiB,
  /** Bytes of `user:password`, decoded. GitHub's and GitLab's job tokens have 1 to 3 KiB. */
  credentialBytes: 24 * KiB,
  /** Scopes of one request. A push with mounted layers asks for two; a multi-stage build for about ten. */
  scopeCount: 100,
  /** Characters of one scope: a repository name has 255 at most (distribution's reference grammar). */
  scopeLength: 512,

  /** Milliseconds for a client to send its headers, and its whole request. A job on a slow line needs under 1 s. */
  requestHeadersMs: 10 * seconds,
  requestTotalMs: 30 * seconds,
  /** Milliseconds between two looks for clients that are over those times. */
  socketCheckMs: 1 * seconds,
  /** Milliseconds an idle client connection stays open: longer than the 60 s of common proxies, so that they close. */
  clientKeepAliveMs: 75 * seconds,
  /** Connections of clients at once, each that waits for authentik among them; one more is closed at once. */
  clientConnections: 2_500,
  /** Milliseconds that docker waits for an answer: 15.0 s were seen; the rest is for the way there and back. */
  dockerPatienceMs: 14.7 * seconds,
  /** Milliseconds that other clients wait: 40 s were seen, and proxies in between give up after 60 s. */
  clientPatienceMs: 45 * seconds,

  /** Calls to authentik at once at most, each on a connection of its own, and how many are tried first. */
  upstreamConnections: 64,
  upstreamFirstConnections: 4,
  /**
   * Milliseconds that a call may take until there are fewer at once: alone it takes 110 to 240, and two that share a
   * processor twice that.
   */
  upstreamCalmMs: 500,
  /** Calls of one kind of credential that wait for a place; in 45 s authentik answers 200 of them. */
  upstreamQueue: 512,
  /** Milliseconds in which a call that waits is turned away if its turn would come too late; later it waits on. */
  upstreamTurnAwayMs: 800,
  /** Milliseconds until whoever brings no token learns that a line is full, or that a password is still wrong. */
  slowRefusalMs: 3 * seconds,
  /** Milliseconds to connect to authentik, TLS included. */
  upstreamConnectMs: 3 * seconds,
  /** Milliseconds until authentik's answer begins: docker then still gets an error when none comes. */
  upstreamHeadersMs: 12 * seconds,
  /** Milliseconds between two pieces of authentik's answer, which comes in one piece. */
  upstreamBodyMs: 5 * seconds,
  /** Milliseconds for all of it, the one retry included. */
  upstreamTotalMs: 15 * seconds,
  /** Milliseconds an idle connection to authentik is kept: less than the 5 s after which many servers close theirs. */
  upstreamKeepAliveMs: 4 * seconds,
  /** Failed calls one after the other that open the circuit breaker: one bad answer is chance, ten are an outage. */
  breakerFailures: 10,
  /** Calls one after the other that authentik let time out without any answer to others, which open it too. */
  breakerTimeouts: 2,
  /** Milliseconds the open breaker spares authentik before one call probes it. */
  breakerOpenMs: 5 * seconds,

  /** Milliseconds for which an answer of authentik's is used again: a deactivated user counts that much later. */
  cacheMs: 60 * seconds,
  /** The same for sessions: one that was revoked, here or elsewhere, is over everywhere after that. */
  sessionCacheMs: 5 * seconds,
  /** Sessions that were revoked here and are remembered; of one that is forgotten, authentik knows. */
  revokedSessions: 2_500,
  /** Tokens in the cache, and their bytes together: four times what authentik can make while they are kept. */
  cacheEntries: 1_000,
  cacheBytes: 8 * KiB * KiB,
  /** Milliseconds before its end from which a registry token is not given out again: it must last for its use. */
  tokenMarginMs: 60 * seconds,
  /** Milliseconds before the end of a credential from which authentik alone says whether it still counts. */
  credentialMarginMs: 5 * seconds,
  /** Milliseconds for which the same request is refused again without asking, and how many such are remembered. */
  refusalMs: 5 * seconds,
  refusalEntries: 2_500,
  /** Requests that need not be read again. */
  requestCacheEntries: 1_000,

  /** Requests of one credential that reach authentik, a second and at once. A push needs about three in all. */
  credentialRate: 20,
  credentialBurst: 100,
  /**
   * Requests of one client address that the cache cannot answer, a second and at once. 0 is no limit, and the default
   * where no proxy is trusted: the address is then that of the proxy, and one for all.
   */
  addressRate: 100,
  addressBurst: 500,

  /**
   * Milliseconds between two fetches of an issuer's keys for an unknown `kid`, and until they are fetched in any case.
   */
  jwksCooldownMs: 30 * seconds,
  jwksMaxAgeMs: 10 * minutes,
  /** Milliseconds for one such fetch; without an answer in time authentik decides alone. */
  jwksTimeoutMs: 2 * seconds,
  /** Bytes of a key set: GitHub's has about 4 kB. */
  jwksBytes: 256 * KiB,

  /** Milliseconds for a question to the API server of the own cluster, connections to it, and bytes of its answer. */
  tokenReviewMs: 3 * seconds,
  clusterConnections: 16,
  tokenReviewBytes: 64 * KiB,
  /** Questions one after the other without an answer, after which it gets none for `breakerOpenMs`. */
  tokenReviewFailures: 3,
  /** Milliseconds for which its answer about a token is used again, and how many are remembered. */
  tokenReviewCacheMs: 5 * seconds,
  tokenReviewEntries: 1_000,

  /** Milliseconds between two questions to authentik about tokens that the rules here refuse (`early-refusal.ts`). */
  refusalSampleMs: 60 * seconds,

  /** Bytes of the trust file; Kubernetes takes no ConfigMap over 1 MiB. */
  trustFileBytes: 1024 * KiB,
  /** Milliseconds between two checks of the trust file; Kubernetes itself takes up to a minute to bring a new one. */
  trustFilePollMs: 5 * seconds,

  /** Milliseconds between two checks for the announcement of a clean-up. */
  cleanUpPollMs: 5 * seconds,

  /** Milliseconds between two health probes of authentik, and after how many without an answer it is silent. */
  probeIntervalMs: 10 * seconds,
  authentikSilentMs: 60 * seconds,

  /**
   * Finished spans that wait for the collector, about 1 KiB each, and in one request to it: OpenTelemetry's defaults.
   */
  traceQueueSpans: 2_048,
  traceBatchSpans: 512,
  /**
   * Milliseconds that a finished span waits for others, for the collector to take a batch, and for the rest at the end.
   */
  traceBatchDelayMs: 2 * seconds,
  traceExportMs: 2 * seconds,
  traceCloseMs: 2 * seconds,

  /**
   * Milliseconds after SIGTERM in which requests are still taken: Kubernetes tells proxies of a pod's end and the pod
   * itself at the same time. 0 where nothing stands in front.
   */
  lameDuckMs: 0,
  /** Milliseconds from then to exit: more than any client waits, less than Kubernetes grants. */
  drainMs: 50 * seconds,
}

export type Limits = Readonly<typeof limits>
export type LimitName = keyof typeof limits

export const limitNames = Object.keys(limits) as LimitName[]

/** Those that the environment can set. */
export const operatorLimits = [
  'clientPatienceMs',
  'clientKeepAliveMs',
  'clientConnections',
  'upstreamConnections',
  'upstreamCalmMs',
  'upstreamConnectMs',
  'upstreamHeadersMs',
  'upstreamTotalMs',
  'cacheMs',
  'credentialRate',
  'credentialBurst',
  'addressRate',
  'addressBurst',
  'lameDuckMs',
  'drainMs',
] as const satisfies readonly LimitName[]

/** The environment variable of a limit: `cacheMs` is LIMIT_CACHE_MS. */
export function limitVariable(name: LimitName): string {
  return `LIMIT_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** Node's timers take no more (2^31 - 1). */
const GREATEST = 2_147_483_647

/** Where 0 has a meaning of its own; everywhere else it would stop the service. */
const mayBeZero: ReadonlySet<LimitName> = new Set(['addressRate', 'lameDuckMs'])

/**
 * Reads the limits that the environment sets.
 * @param usual what holds where it sets none
 * @returns all limits, and one line for each mistake, without the value
 */
export function readLimits(
  env: Readonly<Record<string, string | undefined>>,
  usual: Limits = limits,
): { limits: Limits; mistakes: string[] } {
  const read: Record<LimitName, number> = { ...usual }
  const mistakes: string[] = []
  for (const name of operatorLimits) {
    const variable = limitVariable(name)
    const text = env[variable]
    if (!text) continue
    const least = mayBeZero.has(name) ? 0 : 1
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= GREATEST) read[name] = value
    else mistakes.push(`${variable} must be a whole number from ${least} to ${GREATEST}`)
  }
  return { limits: read, mistakes }
}
