/** What can be measured, in Prometheus' format. No label holds anything that came from outside. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type Disagreement, disagreements } from '../decision/disagreement.ts'
import { type LimitName, type Limits, limitNames } from '../limits.ts'
import { type BreakerState, breakerStates } from '../upstream/breaker.ts'
import { type Kind, kinds } from '../upstream/queues.ts'
import { type LookupResult, lookupResults } from '../upstream/token-cache.ts'
import { VERSION } from '../version.ts'
import { type Outcome, outcomes, type RevocationOutcome } from './audit.ts'

/** Seconds; a cached answer takes under 1 ms, an exchange 200 ms, a queue of them up to 20 s. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25]

const PREFIX = 'token_service_'

/** What is read at the moment of a scrape. */
export interface Gauges {
  inFlight: () => number
  places: () => number
  waiting: (kind: Kind) => number
  cacheEntries: () => number
  cacheBytes: () => number
  refusedKeys: () => number
  breaker: () => BreakerState
  ready: () => boolean
  /** Starts a health probe, if the last one is old enough. */
  probeAuthentik: () => void
  authentikAnswers: () => boolean
  registryKeysMatch: () => boolean
  rules: () => number
  rulesRejected: () => boolean
  /** The digest of the rules in force, by the slug of their source. */
  ruleDigests: () => readonly (readonly [source: string, digest: string])[]
  /** Unix time in seconds; undefined where it is not known. */
  registryKeyCreated: () => Promise<number | undefined>
  cleanUpUntilMs: () => number | undefined
}

/** What authentik is called for. */
export type Purpose = 'registry' | 'session' | 'revocation'

export interface Metrics {
  request(outcome: Outcome, reason: string, seconds: number): void
  /** @param reason `revoked`, or why nothing was */
  revocation(outcome: RevocationOutcome, reason: string): void
  /** @param reason that of the failure, or `granted` */
  upstream(purpose: Purpose, reason: string, seconds: number): void
  lookup(result: LookupResult): void
  disagreement(kind: Disagreement): void
  rateLimited(by: 'credential' | 'address'): void
  connectionDropped(): void
  reload(result: 'loaded' | 'rejected'): void
  /** Registers the gauges; once. */
  watch(gauges: Gauges, limits: Limits): void
  /** The page, and its content type. */
  page(): Promise<string>
  readonly contentType: string
  /** The names of all metrics of ours. */
  names(): string[]
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const requests = new Counter({
    name: `${PREFIX}requests_total`,
    help: 'Requests to /token by outcome and reason',
    labelNames: ['outcome', 'reason'],
    registers,
  })
  const latency = new Histogram({
    name: `${PREFIX}request_duration_seconds`,
    help: 'Seconds from the end of a request to its answer',
    labelNames: ['outcome'],
    buckets: LATENCY_BUCKETS,
    registers,
  })
  const revocations = new Counter({
    name: `${PREFIX}revocations_total`,
    help: 'Requests to /revoke by outcome and reason',
    labelNames: ['outcome', 'reason'],
    registers,
  })
  const upstreamCalls = new Counter({
    name: `${PREFIX}upstream_calls_total`,
    help: 'Calls to authentik by purpose and reason',
    labelNames: ['purpose', 'reason'],
    registers,
  })
  const upstreamLatency = new Histogram({
    name: `${PREFIX}upstream_call_duration_seconds`,
    help: 'Seconds of a call to authentik',
    labelNames: ['purpose'],
    buckets: LATENCY_BUCKETS,
    registers,
  })
  const lookups = new Counter({
    name: `${PREFIX}cache_lookups_total`,
    help: 'Look-ups in the cache: no entry, a token, a call under way that was shared, a remembered refusal',
    labelNames: ['result'],
    registers,
  })
  const disagreed = new Counter({
    name: `${PREFIX}disagreements_total`,
    help: 'Decisions in which the rules here and authentik differ',
    labelNames: ['kind'],
    registers,
  })
  const limited = new Counter({
    name: `${PREFIX}rate_limited_total`,
    help: 'Requests over a rate, by what is counted',
    labelNames: ['by'],
    registers,
  })
  const connectionsDropped = new Counter({
    name: `${PREFIX}connections_dropped_total`,
    help: 'Connections of clients that were closed at once, because there were too many',
    registers,
  })
  const reloads = new Counter({
    name: `${PREFIX}trust_reloads_total`,
    help: 'Changes of the trust file seen, by what came of them',
    labelNames: ['result'],
    registers,
  })
  // There from the start, so that a rate over them is never missing.
  for (const outcome of outcomes) latency.zero({ outcome })
  for (const reason of ['key_ambiguous', 'key_refused']) requests.inc({ outcome: 'refused', reason }, 0)
  revocations.inc({ outcome: 'revoked', reason: 'revoked' }, 0)
  for (const result of lookupResults) lookups.inc({ result }, 0)
  for (const kind of disagreements) disagreed.inc({ kind }, 0)
  for (const by of ['credential', 'address']) limited.inc({ by }, 0)
  for (const result of ['loaded', 'rejected']) reloads.inc({ result }, 0)

  // A child knows its labels; looking it up by them each time is the largest cost of counting.
  const requestChildren = new Map<string, Counter.Internal>()
  const latencyChildren = new Map<string, Histogram.Internal<'outcome'>>()
  const lookupChildren = new Map(lookupResults.map((result) => [result, lookups.labels({ result })]))
  const child = <Value>(children: Map<string, Value>, key: string, make: () => Value): Value => {
    const known = children.get(key) ?? make()
    children.set(key, known)
    return known
  }

  let look = () => {}
  return {
    request: (outcome, reason, seconds) => {
      child(requestChildren, `${outcome} ${reason}`, () => requests.labels({ outcome, reason })).inc()
      child(latencyChildren, outcome, () => latency.labels({ outcome })).observe(seconds)
    },
    revocation: (outcome, reason) => revocations.inc({ outcome, reason }),
    upstream: (purpose, reason, seconds) => {
      upstreamCalls.inc({ purpose, reason })
      upstreamLatency.observe({ purpose }, seconds)
    },
    lookup: (result) => lookupChildren.get(result)?.inc(),
    disagreement: (kind) => disagreed.inc({ kind }),
    rateLimited: (by) => limited.inc({ by }),
    connectionDropped: () => connectionsDropped.inc(),
    reload: (result) => reloads.inc({ result }),
    watch: (gauges, limits) => {
      look = gauges.probeAuthentik
      watch(registry, gauges, limits)
    },
    page: async () => {
      look()
      return await registry.metrics()
    },
    contentType: registry.contentType,
    names: () =>
      registry
        .getMetricsAsArray()
        .map(({ name }) => name)
        .filter((name) => name.startsWith(PREFIX)),
  }
}

function watch(registry: Registry, gauges: Gauges, limits: Limits): void {
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name: PREFIX + name,
      help,
      registers: [registry],
      async collect() {
        this.set(await read())
      },
    })
  gauge('upstream_in_flight', 'Calls to authentik under way', gauges.inFlight)
  gauge(
    'upstream_in_flight_limit',
    'Calls to authentik that may be under way at once, by how fast it answers',
    gauges.places,
  )
  new Gauge({
    name: `${PREFIX}upstream_queued`,
    help: 'Calls to authentik that wait for their turn, by kind of credential',
    labelNames: ['queue'],
    registers: [registry],
    collect() {
      for (const kind of kinds) this.set({ queue: kind }, gauges.waiting(kind))
    },
  })
  gauge('cache_entries', 'Tokens in the cache', gauges.cacheEntries)
  gauge('cache_bytes', 'Bytes of the tokens in the cache', gauges.cacheBytes)
  gauge('refused_keys', 'Keys that their issuers publish and of which authentik has taken no token', gauges.refusedKeys)
  gauge('circuit_breaker_state', 'The circuit breaker: 0 closed, 1 half-open, 2 open', () =>
    breakerStates.indexOf(gauges.breaker()),
  )
  gauge('ready', 'Whether /ready says yes', () => Number(gauges.ready()))
  gauge('upstream_up', 'Whether authentik has answered lately: 1 yes, 0 no', () => Number(gauges.authentikAnswers()))
  gauge('registry_keys_match', 'Whether the registry was given every key that authentik signs with', () =>
    Number(gauges.registryKeysMatch()),
  )
  gauge(
    'registry_key_created_timestamp_seconds',
    'Unix time at which the oldest key that the registry trusts was made; NaN where that is not known',
    async () => (await gauges.registryKeyCreated()) ?? Number.NaN,
  )
  gauge('trust_rules', 'Rules in force', gauges.rules)
  gauge('trust_file_rejected', 'Whether the trust file cannot be used, so that the rules before it stay in force', () =>
    Number(gauges.rulesRejected()),
  )
  new Gauge({
    name: `${PREFIX}trust_source_info`,
    help: 'The rules in force, as a digest for each source',
    labelNames: ['source', 'digest'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [source, digest] of gauges.ruleDigests()) this.set({ source, digest }, 1)
    },
  })
  new Gauge({
    name: `${PREFIX}info`,
    help: 'The version that runs',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version: VERSION }, 1)
  gauge(
    'clean_up_end_timestamp_seconds',
    'Unix time until which pushes are refused for a clean-up; 0 while they are not',
    () => Math.floor((gauges.cleanUpUntilMs() ?? 0) / 1000),
  )
  const limit = new Gauge({
    name: `${PREFIX}limit`,
    help: 'Every limit that is in force, in the unit that its name ends with',
    labelNames: ['name'],
    registers: [registry],
  })
  for (const name of limitNames as readonly LimitName[]) limit.set({ name }, limits[name])
}
