/** The two HTTPRoutes as data (gateway-api.sigs.k8s.io, version v1). */
import { TOKEN_PATHS } from './entrance.ts'
import { hostName } from './ingress-objects.ts'
import { REGISTRY_PORT, TOKEN_SERVICE_PORT } from './ports.ts'

/** The listener that takes the requests. */
export interface GatewayReference {
  name: string
  /** Undefined: the stack's own. */
  namespace?: string | undefined
  /** The name of one listener; undefined: all that allow the host. */
  section?: string | undefined
}

export interface HttpRouteArgs {
  host: string
  gateway: GatewayReference
  /** Name of the Service. */
  service: string
}

/** The `spec` of the route that sends tokens, and the page for people, to the token service. */
export const tokenRouteSpec = (args: HttpRouteArgs) =>
  spec(args, { matches: TOKEN_PATHS.map((value) => ({ path: { type: 'Exact', value } })) }, TOKEN_SERVICE_PORT)

/**
 * The `spec` of the route that sends everything else to the registry. "0s" is no limit: a layer takes as long as it
 * takes.
 */
export const registryRouteSpec = (args: HttpRouteArgs) =>
  spec(
    args,
    {
      matches: [{ path: { type: 'PathPrefix', value: '/' } }],
      timeouts: { request: '0s', backendRequest: '0s' },
    },
    REGISTRY_PORT,
  )

function spec({ host, gateway, service }: HttpRouteArgs, rule: object, port: number) {
  const { name, namespace, section } = gateway
  return {
    parentRefs: [
      {
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...(section === undefined ? {} : { sectionName: section }),
      },
    ],
    hostnames: [hostName(host)],
    rules: [{ ...rule, backendRefs: [{ name: service, port }] }],
  }
}
