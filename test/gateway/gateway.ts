/** A Gateway in the local cluster that takes routes of every namespace, and the stack's settings that name it. */
import { type KubeConfig, KubernetesObjectApi } from '@kubernetes/client-node'
import type { Manifest } from '../../local/kubernetes/addons/addon.ts'
import { apply } from '../../local/kubernetes/api.ts'
import { gatewayDefinitions } from './definitions.ts'

const API = 'gateway.networking.k8s.io/v1'
const namespace = 'gateways'
/** The definitions are served a moment after they are made. */
const SERVED = { tries: 100, waitMs: 200 }

export const LISTENER_PORT = 8090

const space: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }
const objects: Manifest[] = [
  {
    apiVersion: API,
    kind: 'GatewayClass',
    metadata: { name: 'traefik' },
    spec: { controllerName: 'traefik.io/gateway-controller' },
  },
  {
    apiVersion: API,
    kind: 'Gateway',
    metadata: { name: 'public', namespace },
    spec: {
      gatewayClassName: 'traefik',
      listeners: [
        { name: 'web', port: LISTENER_PORT, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } },
      ],
    },
  },
]

/** The settings that lead the stack's requests through it. */
export const gatewaySettings = { exposure: 'gateway', gateway: { name: 'public', namespace, section: 'web' } }

/** Makes the definitions and the Gateway; all of it goes when it is disposed of. */
export async function makeGateway(config: KubeConfig): Promise<AsyncDisposable> {
  const definitions = await gatewayDefinitions()
  await apply(config, [...definitions, space])
  await untilServed(() => apply(config, objects))
  return {
    async [Symbol.asyncDispose]() {
      const api = KubernetesObjectApi.makeApiClient(config)
      // With a definition go all objects of its kind.
      for (const object of [...definitions, space]) await api.delete(object)
    },
  }
}

async function untilServed(work: () => Promise<void>): Promise<void> {
  for (let left = SERVED.tries; ; left -= 1) {
    try {
      return await work()
    } catch (error) {
      if (left === 0) throw error
      await new Promise((resolve) => setTimeout(resolve, SERVED.waitMs))
    }
  }
}
