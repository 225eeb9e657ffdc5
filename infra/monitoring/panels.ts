/** What the dashboard shows, as data: the dashboard and the picture in docs/ are made from it. */
import { probeMetrics } from '../../prober/measured.ts'

/** Grafana's name of a unit. */
export type Unit = 'short' | 'reqps' | 's' | 'bytes' | 'Bps' | 'percentunit' | 'bool_yes_no'

export interface Query {
  expr: string
  /** By Grafana's template: `{{label}}`. */
  legend: string
}

export interface Panel {
  title: string
  /** What it means, for whoever hovers over it. */
  description: string
  unit: Unit
  queries: readonly Query[]
}

export interface Row {
  title: string
  /** One number each, or lines over time. */
  kind: 'stat' | 'lines'
  panels: readonly Panel[]
}

/** Grafana puts the shortest window here that has two looks of Prometheus. */
export const RATE_WINDOW = '$__rate_interval'

const QUANTILES = [0.5, 0.95, 0.99]

/** @param namespace of the stack */
export function rowsOf(namespace: string): Row[] {
  const of = (metric: string, ...labels: string[]) => `${metric}{${[`namespace="${namespace}"`, ...labels].join(',')}}`
  const rate = (metric: string, ...labels: string[]) => `rate(${of(metric, ...labels)}[${RATE_WINDOW}])`
  const sumBy = (by: string, expr: string) => `sum by (${by}) (${expr})`
  const quantiles = (histogram: string, ...labels: string[]): Query[] =>
    QUANTILES.map((quantile) => ({
      expr: `histogram_quantile(${quantile}, ${sumBy('le', rate(`${histogram}_bucket`, ...labels))})`,
      legend: `p${quantile * 100}`,
    }))
  const requests = 'token_service_requests_total'
  const volume = (name: string) => of(`kubelet_volume_stats_${name}`, 'persistentvolumeclaim="registry"')
  const parts = 'job=~"token-service|registry"'

  return [
    {
      title: 'Now',
      kind: 'stat',
      panels: [
        {
          title: 'Granted or refused, last hour',
          description: 'The share of requests for tokens that got a decision. The objective is 99.5 %.',
          unit: 'percentunit',
          queries: [
            {
              expr:
                `1 - sum(increase(${of('token_service_request_duration_seconds_count', 'outcome="failed"')}[1h])) / ` +
                `sum(increase(${of('token_service_request_duration_seconds_count')}[1h]))`,
              legend: 'decided',
            },
          ],
        },
        {
          title: 'authentik answers',
          description: 'Whether authentik has answered every pod of the token service within a minute.',
          unit: 'bool_yes_no',
          queries: [{ expr: `min(${of('token_service_upstream_up')})`, legend: 'answers' }],
        },
        {
          title: 'Keys match',
          description: 'Whether the registry has every key that authentik signs with.',
          unit: 'bool_yes_no',
          queries: [{ expr: `min(${of('token_service_registry_keys_match')})`, legend: 'match' }],
        },
        {
          title: 'Rules in force',
          description: 'The trust rules that the token service has read.',
          unit: 'short',
          queries: [{ expr: `min(${of('token_service_trust_rules')})`, legend: 'rules' }],
        },
        {
          title: 'Stranger got in',
          description: 'Whether the prober that no rule names was given access. Empty without probers.',
          unit: 'bool_yes_no',
          queries: [{ expr: `max(${of(probeMetrics.admitted)})`, legend: 'got in' }],
        },
        {
          title: 'Volume in use',
          description: "Of the registry's volume. Empty where images are on a bucket.",
          unit: 'percentunit',
          queries: [{ expr: `max(${volume('used_bytes')} / ${volume('capacity_bytes')})`, legend: 'used' }],
        },
      ],
    },
    {
      title: 'Pushes and pulls',
      kind: 'lines',
      panels: [
        {
          title: 'Pushes and pulls',
          description: 'Manifests written and read: one for each push or pull of an image for one platform.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum(${rate('registry_http_requests_total', 'handler="manifest"', 'method="put"', 'code="201"')})`,
              legend: 'pushes',
            },
            {
              expr: `sum(${rate('registry_http_requests_total', 'handler="manifest"', 'method="get"', 'code="200"')})`,
              legend: 'pulls',
            },
          ],
        },
        {
          title: 'Bytes in and out of the registry',
          description:
            "Of its pods' network. Its own metrics do not count layers that come in pieces. On a bucket, what it moves " +
            'there and back counts too.',
          unit: 'Bps',
          queries: [
            { expr: `sum(${rate('process_network_receive_bytes_total', 'job="registry"')})`, legend: 'in' },
            { expr: `sum(${rate('process_network_transmit_bytes_total', 'job="registry"')})`, legend: 'out' },
          ],
        },
        {
          title: 'Answers of the registry',
          description: 'By status. 401 is how a client learns where to get its token.',
          unit: 'reqps',
          queries: [{ expr: sumBy('code', rate('registry_http_requests_total')), legend: '{{code}}' }],
        },
        {
          title: 'Storage, seconds for one action',
          description: 'The mean by kind of action.',
          unit: 's',
          queries: [
            {
              expr:
                `${sumBy('action', rate('registry_storage_action_seconds_sum'))} / ` +
                sumBy('action', rate('registry_storage_action_seconds_count')),
              legend: '{{action}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Events',
      kind: 'lines',
      panels: [
        {
          title: 'Events that wait',
          description: 'In the memory of the registry, for the stream and for the URL. Empty without `events`.',
          unit: 'short',
          queries: [{ expr: sumBy('endpoint', of('registry_notifications_pending_total')), legend: '{{endpoint}}' }],
        },
        {
          title: 'Events by outcome',
          description: '204: delivered; 202: given up; 503: the URL did not take it, and gets it again.',
          unit: 'reqps',
          queries: [
            {
              expr: sumBy('endpoint, code', rate('registry_notifications_status_total')),
              legend: '{{endpoint}} {{code}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Tokens',
      kind: 'lines',
      panels: [
        {
          title: 'Requests for tokens',
          description: 'Granted; refused: the client may not; failed: there was no decision.',
          unit: 'reqps',
          queries: [{ expr: sumBy('outcome', rate(requests)), legend: '{{outcome}}' }],
        },
        {
          title: 'Refusals by reason',
          description: 'service/README.md says what each reason means.',
          unit: 'reqps',
          queries: [{ expr: sumBy('reason', rate(requests, 'outcome="refused"')), legend: '{{reason}}' }],
        },
        {
          title: 'Failures by reason',
          description: 'Requests without a decision.',
          unit: 'reqps',
          queries: [{ expr: sumBy('reason', rate(requests, 'outcome="failed"')), legend: '{{reason}}' }],
        },
        {
          title: 'Seconds to an answer',
          description: 'Of requests that were granted.',
          unit: 's',
          queries: quantiles('token_service_request_duration_seconds', 'outcome="granted"'),
        },
      ],
    },
    {
      title: 'Exchanges with authentik',
      kind: 'lines',
      panels: [
        {
          title: 'Exchanges',
          description: 'Calls to the token endpoint of authentik, by result.',
          unit: 'reqps',
          queries: [{ expr: sumBy('reason', rate('token_service_upstream_calls_total')), legend: '{{reason}}' }],
        },
        {
          title: 'Seconds of an exchange',
          description: 'How long authentik takes.',
          unit: 's',
          queries: quantiles('token_service_upstream_call_duration_seconds'),
        },
        {
          title: 'Queue',
          description: 'Calls that wait for their turn, those under way, and how many may be.',
          unit: 'short',
          queries: [
            { expr: sumBy('queue', of('token_service_upstream_queued')), legend: 'waiting: {{queue}}' },
            { expr: `sum(${of('token_service_upstream_in_flight')})`, legend: 'under way' },
            { expr: `sum(${of('token_service_upstream_in_flight_limit')})`, legend: 'limit' },
          ],
        },
        {
          title: 'Look-ups in the cache',
          description: '`miss` costs a call to authentik; `hit`, `shared` and `negative` do not.',
          unit: 'reqps',
          queries: [{ expr: sumBy('result', rate('token_service_cache_lookups_total')), legend: '{{result}}' }],
        },
      ],
    },
    {
      title: 'Pods',
      kind: 'lines',
      panels: [
        {
          title: 'Memory',
          description: 'Resident memory of each process.',
          unit: 'bytes',
          queries: [{ expr: of('process_resident_memory_bytes', parts), legend: '{{pod}}' }],
        },
        {
          title: 'Processors in use',
          description: 'Of each process; 1 is one core.',
          unit: 'short',
          queries: [{ expr: rate('process_cpu_seconds_total', parts), legend: '{{pod}}' }],
        },
      ],
    },
  ]
}
