/**
 * The alerts, as Prometheus' rules: what is wrong, why it matters, what to do. docs/monitoring.md has a heading for
 * each, to which its `runbook_url` leads; alerts.test.ts has promtool show when each fires and when not.
 */
import { STATUS_CODES } from 'node:http'
import { DROPPED } from '../../events/paths.ts'
import { probeMetrics } from '../../prober/measured.ts'
import type { Alert, Severity } from './alert.ts'
import { burnAlerts } from './burn-rate.ts'
import { LOOK_SECONDS } from './monitors.ts'

const DAY_SECONDS = 24 * 60 * 60
/** A year, and a month to find the time. */
const OLD_KEY_DAYS = 400
/** cert-manager renews a month before the end. */
const CERTIFICATE_DAYS = { warning: 14, critical: 3 }

/** @param namespace of the stack, whose series alone count */
export function alertsOf(namespace: string): Alert[] {
  const own = `namespace="${namespace}"`
  const volume = (name: string) => `kubelet_volume_stats_${name}{${own},persistentvolumeclaim="registry"}`
  const free = (of: string, all: string) => `${volume(of)} / ${volume(all)}`
  const certificateEnds = [
    // Prometheus renames the label of cert-manager's metric, unless its configuration keeps it (honor_labels).
    `certmanager_certificate_expiration_timestamp_seconds{exported_namespace="${namespace}"}`,
    `certmanager_certificate_expiration_timestamp_seconds{${own}}`,
  ].join(' or ')
  const isDown = (part: string): Alert => ({
    name: 'IsDown',
    expr: `absent(up{${own},job="${part}"} == 1)`,
    for: '1m',
    severity: 'critical',
    labels: { part },
    summary: `Prometheus reaches no pod of the ${part}`,
    description:
      `No pod of the ${part} answers Prometheus. If none runs, CI cannot push and nodes cannot pull; if some run, ` +
      'nothing watches them. Look at the pods, then at the network policy and at the target in Prometheus.',
  })
  const certificate = (severity: Severity): Alert => ({
    name: 'CertificateExpires',
    expr: `min(${certificateEnds}) - time() < ${CERTIFICATE_DAYS[severity]} * ${DAY_SECONDS}`,
    for: '5m',
    severity,
    summary: `The registry's certificate expires in less than ${CERTIFICATE_DAYS[severity]} days`,
    description:
      'Once it has expired, no client pushes or pulls. It was not renewed in time: look at the Certificate and its ' +
      'events if cert-manager issues it, else put a new one into its Secret.',
  })
  const eventsWait = (endpoint: 'stream' | 'url', severity: Severity, means: string): Alert => ({
    name: 'EventsWait',
    // The least of five minutes: a queue that is never empty, not one that a look of Prometheus found busy.
    expr:
      'max by (namespace, endpoint) ' +
      `(min_over_time(registry_notifications_pending_total{${own},endpoint="${endpoint}"}[5m])) > 0`,
    for: '5m',
    severity,
    summary: `Events wait in the registry for the ${endpoint}`,
    description: `${means} They are in the memory of the registry alone: do not restart its pods before they are out.`,
  })
  const dropped = `registry_notifications_status_total{${own},code="${DROPPED} ${STATUS_CODES[DROPPED]}"}`
  const sourceKey = (name: string, reason: string, summary: string, description: string): Alert => ({
    name,
    expr: `sum by (namespace) (increase(token_service_requests_total{${own},reason="${reason}"}[10m])) > 0`,
    severity: 'critical',
    summary,
    description,
  })
  const wrongRules = (offset: string) =>
    `sum by (namespace) (increase(token_service_disagreements_total{${own},kind="authentik_allows"}[5m]${offset})) > 0`

  return [
    ...burnAlerts({
      part: 'token-service',
      failed: `token_service_request_duration_seconds_count{${own},outcome="failed"}`,
      all: `token_service_request_duration_seconds_count{${own}}`,
      means: 'The token service could not find out whether a job may push or pull, so the job failed.',
      advice: 'The dashboard shows the failures by reason. Usually authentik is slow, restarting or unreachable.',
    }),
    ...burnAlerts({
      part: 'registry',
      failed: `registry_http_requests_total{${own},code=~"5.."}`,
      all: `registry_http_requests_total{${own}}`,
      means: 'The registry answered 5xx, so a push or a pull failed.',
      advice: 'Usually its storage is full or unreachable. The log of the registry says which.',
    }),
    isDown('token-service'),
    isDown('registry'),
    {
      name: 'AuthentikSilent',
      expr: `min by (namespace) (token_service_upstream_up{${own}}) == 0`,
      severity: 'critical',
      summary: 'authentik does not answer the token service',
      description:
        'authentik has not answered for a minute. Logins and pushes fail, except for answers cached for a minute; the ' +
        'registry still accepts tokens issued before. Check whether authentik runs, and whether pods reach it: name, ' +
        'network policy, proxy, certificate.',
    },
    {
      name: 'KeysDisagree',
      expr: `min by (namespace) (token_service_registry_keys_match{${own}}) == 0`,
      for: '30s',
      severity: 'critical',
      summary: 'authentik signs with a key that the registry does not have',
      description:
        'The registry refuses every new token. Somebody changed the signing key in authentik, or an `up` stopped ' +
        'half-way. Run `pulumi up`; if you do not know who changed the key, read "Incident" in docs/operating.md first.',
    },
    sourceKey(
      'SourceKeyNotFresh',
      'key_refused',
      'authentik does not know a key that a CI platform signs with',
      'authentik refuses the jobs of this platform, since it fetches keys only every three hours. Open the source in ' +
        'authentik and save it: it then fetches them at once. The log of the token service names issuer and key.',
    ),
    sourceKey(
      'SourceKeyHeldTwice',
      'key_ambiguous',
      'Two sources publish different keys under one key id',
      'authentik cannot tell whose token it is, so the policy refuses every token that names this key. The log of the ' +
        'token service names both issuers. If you did not expect this, one of them may be impersonating the other.',
    ),
    {
      name: 'StrangerGotIn',
      expr: `max by (namespace) (max_over_time(${probeMetrics.admitted}{${own}}[5m])) > 0`,
      severity: 'critical',
      summary: 'A stranger gets into the registry',
      description:
        'The prober that no rule names was given access. Others may have it too. Undo the last change of the rules, or ' +
        'check in authentik that policy and scope mapping are still bound; "Incident" in docs/operating.md says how to ' +
        'revoke what was issued.',
    },
    {
      name: 'ProbeFails',
      expr: `min by (namespace, probe) (${probeMetrics.success}{${own}}) == 0`,
      for: '2m',
      severity: 'critical',
      summary: 'The probe {{ $labels.probe }} fails',
      description:
        'For two minutes a small image could not be pushed, pulled or deleted, or a stranger was not refused properly. ' +
        'The log of the prober has the answer that it got; `npm run doctor` examines the whole path.',
    },
    {
      name: 'ProbeStopped',
      expr:
        `(time() - max by (namespace, probe) (${probeMetrics.lastSuccess}{${own}}) > 300) and ` +
        `(min by (namespace, probe) (${probeMetrics.success}{${own}}) == 1) ` +
        `unless on (namespace) (max by (namespace) (${probeMetrics.paused}{${own}}) == 1)`,
      severity: 'warning',
      summary: 'The probe {{ $labels.probe }} has stopped: no success for five minutes, and no failure',
      description: 'Meanwhile nothing looks for holes in the rules. Check whether its pod runs, and what its log says.',
    },
    {
      name: 'StorageFull',
      expr: `(${free('available_bytes', 'capacity_bytes')} < 0.05) or (${free('inodes_free', 'inodes')} < 0.05)`,
      for: '1m',
      severity: 'critical',
      summary: "Less than 5 % of the registry's volume is free",
      description:
        'Pushes fail once it is full; pulls still work. Raise `storageSize` if the class allows it, or delete images ' +
        'and collect garbage: "Clean-up" in docs/operating.md.',
    },
    {
      name: 'StorageFillsUp',
      expr:
        `(${free('available_bytes', 'capacity_bytes')} < 0.3) and ` +
        `(predict_linear(${volume('available_bytes')}[6h], 4 * ${DAY_SECONDS}) < 0)`,
      for: '1h',
      severity: 'warning',
      summary: "The registry's volume will be full within four days",
      description:
        'At the rate of the last six hours. Raise `storageSize`, or set `garbageCollection` and `retention`.',
    },
    eventsWait(
      'stream',
      'critical',
      'For ten minutes the container `events` has not written what is pushed and pulled. Its log says why.',
    ),
    eventsWait(
      'url',
      'warning',
      'For ten minutes the URL of `events` has not taken all of them; an hour after it happened, an event is given up. The ' +
        'stream has them. The log of the container `events` says what the URL answers.',
    ),
    {
      name: 'EventsDropped',
      // The registry has no such series before the first one, which an increase alone would not see.
      expr: `sum by (namespace, endpoint) ((increase(${dropped}[10m]) > 0) or (${dropped} unless ${dropped} offset 10m))`,
      severity: 'warning',
      summary: 'An event was not delivered to the {{ $labels.endpoint }}, and never will be',
      description:
        'The URL refused it for good or did not take it for an hour, or it cannot be read. Somebody may be trying to hide ' +
        'a push. The log of the container `events` names each; what the URL does not have, the stream mostly has.',
    },
    certificate('critical'),
    certificate('warning'),
    {
      name: 'KeyIsOld',
      expr: `time() - min by (namespace) (token_service_registry_key_created_timestamp_seconds{${own}}) > ${OLD_KEY_DAYS} * ${DAY_SECONDS}`,
      for: '1h',
      severity: 'warning',
      summary: `A key that signs tokens is older than ${OLD_KEY_DAYS} days`,
      description:
        'Nothing fails, but whoever copied the key in that time can still sign. Raise `keyGeneration` or ' +
        '`sessionKeyGeneration` by one and run `pulumi up`: "Rotation" in docs/operating.md.',
    },
    {
      name: 'RulesRefused',
      expr: `max by (namespace) (token_service_trust_file_rejected{${own}}) == 1`,
      for: '1m',
      severity: 'critical',
      summary: 'The token service cannot read the trust rules',
      description:
        'It keeps using the previous rules, and could not restart. Somebody changed the ConfigMap ' +
        'token-service-trust, or it comes from another version of the program. Run `pulumi up`.',
    },
    {
      name: 'RulesDisagree',
      expr: `(${wrongRules('')}) and (${wrongRules(' offset 5m')})`,
      severity: 'warning',
      summary: 'authentik allows what the rules of the stack refuse',
      description:
        'This has lasted longer than a change of rules takes to arrive. The policy in authentik is not bound, or ' +
        'somebody changed it or the group docker-registry-trust. Run `pulumi up --refresh`, and compare what authentik ' +
        'has.',
    },
  ]
}

export interface AlertRulesArgs {
  namespace: string
  /** Where docs/ is, such as `https://github.com/acme/registry/blob/v1`; undefined: as a path in the checkout. */
  documents: string | undefined
}

/** The `spec` of the PrometheusRule, which is also what a file of rules has. */
export function alertRules({ namespace, documents }: AlertRulesArgs) {
  const page = documents === undefined ? 'docs/monitoring.md' : `${documents}/docs/monitoring.md`
  const rules = alertsOf(namespace).map(({ name, expr, severity, labels, summary, description, ...rest }) => ({
    alert: `${ALERT_PREFIX}${name}`,
    expr,
    ...(rest.for === undefined ? {} : { for: rest.for }),
    labels: { severity, namespace, ...labels },
    annotations: { summary, description, runbook_url: `${page}#${name.toLowerCase()}` },
  }))
  return { groups: [{ name: `passwordless-registry.${namespace}`, interval: `${LOOK_SECONDS}s`, rules }] }
}

/** So that nobody takes them for somebody else's. */
export const ALERT_PREFIX = 'Registry'
