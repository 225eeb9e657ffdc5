/** What the Prometheus operator is to scrape (prometheus-operator.dev, API monitoring.coreos.com/v1), as data. */
import { labels, NAME_LABEL } from '../kubernetes/labels.ts'

/**
 * Seconds between two looks at a pod, and at the alerts: what an alert promises is the sum of both and of what the
 * metric itself takes (alerts.test.ts adds them up).
 */
export const LOOK_SECONDS = 15

const endpoint = { port: 'metrics', path: '/metrics', interval: `${LOOK_SECONDS}s` }
/** The `spec` of the ServiceMonitor for the token service. */
export const serviceMonitor = {
  // The label `job` is then the name of the part, as alerts and dashboard expect.
  jobLabel: NAME_LABEL,
  selector: { matchLabels: labels('token-service') },
  endpoints: [endpoint],
}

/** Pods without a Service that leads to their metrics: the registry's, and the probers'. */
const PODS = ['registry', 'prober', 'prober-stranger']

/** The `spec` of the PodMonitor for them. */
export const podMonitor = {
  jobLabel: NAME_LABEL,
  selector: { matchExpressions: [{ key: NAME_LABEL, operator: 'In', values: PODS }] },
  podMetricsEndpoints: [endpoint],
}
