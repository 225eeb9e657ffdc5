import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { conflictAdvice } from '../kubernetes/conflict-advice.ts'
import { labels } from '../kubernetes/labels.ts'
import { alertRules } from './alerts.ts'
import { dashboard } from './dashboard.ts'
import { MONITORING_API, type MonitoringKind } from './kinds.ts'

export { readMonitoringKinds } from './kinds.ts'

import { podMonitor, serviceMonitor } from './monitors.ts'
import type { MonitoringSetting } from './setting.ts'

const NAME = 'monitoring'
/** The label by which the sidecar of Grafana's chart finds dashboards. */
const DASHBOARD_LABEL = { grafana_dashboard: '1' }

export interface MonitoringArgs {
  namespace: pulumi.Input<string>
  /** The same, as in the configuration. */
  namespaceName: string
  setting: MonitoringSetting
  /** Those that the cluster has. */
  kinds: ReadonlySet<MonitoringKind>
  /** `owner/repository@tag` of this project on GitHub, to whose docs/ the alerts lead. */
  ciSource: string | undefined
}

/**
 * The dashboard, which is always there, as nothing in the cluster says whether a Grafana looks for it; and what is for
 * the Prometheus operator, where the cluster has its kinds.
 */
export class Monitoring extends pulumi.ComponentResource {
  constructor({ namespace, namespaceName, setting, kinds, ciSource }: MonitoringArgs) {
    super('passwordless-registry:monitoring:Monitoring', NAME)
    const child = { parent: this, hooks: conflictAdvice() }
    new kubernetes.core.v1.ConfigMap(
      'dashboard',
      {
        metadata: { name: 'dashboard', namespace, labels: { ...labels(NAME), ...DASHBOARD_LABEL } },
        // The sidecar puts the dashboards of all namespaces into one folder.
        data: { [`registry-${namespaceName}.json`]: dashboard(namespaceName) },
      },
      child,
    )
    const specs: Record<MonitoringKind, { name: string; spec: object }> = {
      ServiceMonitor: { name: 'token-service', spec: serviceMonitor },
      PodMonitor: { name: 'registry', spec: podMonitor },
      PrometheusRule: {
        name: 'registry-alerts',
        spec: alertRules({ namespace: namespaceName, documents: documentsOf(ciSource) }),
      },
    }
    for (const kind of kinds) {
      const { name, spec } = specs[kind]
      new kubernetes.apiextensions.CustomResource(
        `${kind}-${name}`,
        {
          apiVersion: `${MONITORING_API.group}/${MONITORING_API.version}`,
          kind,
          metadata: { name, namespace, labels: { ...setting.labels, ...labels(NAME) } },
          spec,
        },
        child,
      )
    }
    this.registerOutputs({})
  }
}

function documentsOf(ciSource: string | undefined): string | undefined {
  const [repository, tag] = ciSource?.split('@') ?? []
  return tag === undefined ? undefined : `https://github.com/${repository}/blob/${tag}`
}
