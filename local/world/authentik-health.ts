/** Whether authentik answers the token service and signs with known keys, from the metrics of the token service. */
import { CoreV1Api } from '@kubernetes/client-node'
import { loadKubeconfig } from '../kubernetes/index.ts'

const SERVICE = 'token-service'

/** A sentence without its subject, such as "answers the token service". */
export async function authentikHealth(kubeconfig: string): Promise<string> {
  const api = loadKubeconfig(kubeconfig).makeApiClient(CoreV1Api)
  try {
    return inWords(await metricsPage(api))
  } catch {
    return 'not known: no pod of the token service shows its metrics'
  }
}

/** The metrics of one pod, through the API server: nothing outside the cluster reaches that port. */
async function metricsPage(api: CoreV1Api): Promise<string> {
  const { items } = await api.listServiceForAllNamespaces({ fieldSelector: `metadata.name=${SERVICE}` })
  const namespace = items[0]?.metadata?.namespace ?? ''
  return api.connectGetNamespacedServiceProxyWithPath({ name: `${SERVICE}:metrics`, namespace, path: 'metrics' })
}

/** @param page metrics in Prometheus' format */
export function inWords(page: string): string {
  const metric = (name: string) => Number(new RegExp(`^token_service_${name} (\\d+)$`, 'm').exec(page)?.[1])
  if (metric('upstream_up') === 0) return 'does not answer the token service'
  if (metric('registry_keys_match') === 0) {
    return 'signs with a key that the registry does not have; `npm run up` brings it'
  }
  if (metric('circuit_breaker_state') > 0)
    return 'has failed several times in a row, so the token service does not ask it now'
  return metric('upstream_up') === 1 ? 'answers the token service' : 'not known: the metrics do not say'
}
