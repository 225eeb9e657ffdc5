/** The pods of the local world, which the machine reaches through the API server alone. */
import { CoreV1Api } from '@kubernetes/client-node'
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { NAMESPACE, type PrometheusArgs } from './prometheus.ts'

/** What Prometheus needs to read every port of every pod that runs. */
export async function worldTargets(): Promise<Pick<PrometheusArgs, 'targets' | 'scrape' | 'files'>> {
  const config = loadKubeconfig(layoutOf(stateDir).kubeconfig)
  const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()]
  const address = new URL(cluster?.server ?? '').host
  const { items } = await config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace: NAMESPACE })
  const running = items.filter(({ status, metadata }) => status?.phase === 'Running' && !metadata?.deletionTimestamp)
  const targets = running.flatMap(({ metadata, spec }) =>
    (spec?.containers ?? []).flatMap(({ ports = [] }) =>
      ports.map(({ name: portName = '', containerPort }) => ({
        name: metadata?.labels?.['app.kubernetes.io/name'] ?? '',
        pod: metadata?.name ?? '',
        portName,
        address,
        path: `/api/v1/namespaces/${NAMESPACE}/pods/${metadata?.name}:${containerPort}/proxy/metrics`,
      })),
    ),
  )
  const secrets = { ca_file: cluster?.caData, cert_file: user?.certData, key_file: user?.keyData }
  const names = Object.keys(secrets)
  return {
    targets,
    scrape: { scheme: 'https', tls_config: Object.fromEntries(names.map((name) => [name, name])) },
    files: Object.fromEntries(Object.entries(secrets).map(([name, data = '']) => [name, Buffer.from(data, 'base64')])),
  }
}
