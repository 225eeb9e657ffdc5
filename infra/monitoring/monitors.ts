/** What the Prometheus operator is to scrape (prometheus-operator.dev, API monitoring.coreos.com/v1), as data. */
import { labels, NAME_LABEL } from '../kubernetes/labels.ts'

/**
 * Seconds between two looks at a pod, and at the alerts: what an alert promises is the sum of both and of what the
 * metric itself takes (alerts.test.ts adds them up).
 */
export const LOOK_SECONDS = 15

const endpoint = { port: 'metrics', path: '/metrics', interval: `${LOOK_SECONDS}s` }
const target = (name: string) => ({
  // The label `job` is then the name of the part, as alerts and dashboard expect.
  jobLabel: NAME_LABEL,
  selector: { matchLabels: labels(name) },
})

/** The `spec` of the ServiceMonitor for the token service. */
export const tokenServiceMonitor = { ...target('token-service'), endpoints: [endpoint] }

/** The `spec` of the PodMonitor for the registry, whose Service does not lead to its metrics. */
export const registryMonitor = { ...target('registry'), podMetricsEndpoints: [endpoint] }
