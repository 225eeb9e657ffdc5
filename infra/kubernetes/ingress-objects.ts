/** The two Ingresses as data: which path goes where, and what each controller has to know about layers. */
import { TOKEN_PATHS } from './entrance.ts'
import { REGISTRY_PORT, TOKEN_SERVICE_PORT } from './ports.ts'

/**
 * A layer may take this long either way; docs/operating.md says what its limits are where no annotation sets them.
 * Most controllers limit the time in which nothing moves, some the whole transfer.
 */
const LAYER_SECONDS = 900

/**
 * For the way to the registry. Controllers ignore annotations that are not their own. Layers have any size, but
 * controllers based on nginx stop at 1 MB.
 */
export const LAYER_ANNOTATIONS = {
  // ingress-nginx
  'nginx.ingress.kubernetes.io/proxy-body-size': '0',
  'nginx.ingress.kubernetes.io/proxy-request-buffering': 'off',
  'nginx.ingress.kubernetes.io/proxy-read-timeout': `${LAYER_SECONDS}`,
  'nginx.ingress.kubernetes.io/proxy-send-timeout': `${LAYER_SECONDS}`,
  // NGINX Inc.'s controller; it would write layers to its disk on the way down
  'nginx.org/client-max-body-size': '0',
  'nginx.org/proxy-buffering': 'False',
  'nginx.org/proxy-read-timeout': `${LAYER_SECONDS}s`,
  'nginx.org/proxy-send-timeout': `${LAYER_SECONDS}s`,
  // HAProxy's own controller, and the HAProxy Ingress of the community
  'haproxy.org/timeout-server': `${LAYER_SECONDS}s`,
  'haproxy-ingress.github.io/timeout-server': `${LAYER_SECONDS}s`,
  // Contour: Envoy would end a download after 15 s
  'projectcontour.io/response-timeout': 'infinity',
  // Skipper ends every answer after 60 s, and a request after 5 minutes
  'zalando.org/skipper-filter': `readTimeout("${LAYER_SECONDS}s") -> writeTimeout("${LAYER_SECONDS}s")`,
  // Load balancers: of AWS, and Application Gateway of Azure
  'alb.ingress.kubernetes.io/load-balancer-attributes': `idle_timeout.timeout_seconds=${LAYER_SECONDS}`,
  'appgw.ingress.kubernetes.io/request-timeout': `${LAYER_SECONDS}`,
}

/** These make cert-manager issue a certificate: on both Ingresses, the second would get an error each time. */
const ASKS_FOR_CERTIFICATE = /^(?:(?:acme\.)?cert-manager\.io\/|kubernetes\.io\/tls-acme$)/

/** The stack's annotations for the way to the token service: all, since one may say who gets in. */
export function tokenAnnotations(ofStack: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(ofStack).filter(([name]) => !ASKS_FOR_CERTIFICATE.test(name))
  return { ...EXACT_FIRST, ...Object.fromEntries(kept) }
}

/** To Skipper, `/` alone and `/` with all below it are equal; others prefer the exact path by themselves. */
const EXACT_FIRST = { 'zalando.org/skipper-predicate': 'Weight(1)' }

/** Public name, with or without a port; no kind of route names one. */
export const hostName = (host: string) => host.replace(/:\d+$/, '')

export interface IngressSpecArgs {
  host: string
  className: string | undefined
  tlsSecret: string | undefined
  /** Name of the Service. */
  service: string
}

/** The `spec` of the Ingress that sends tokens, and the page for people, to the token service. */
export const tokenIngressSpec = (args: IngressSpecArgs) => spec(args, TOKEN_PATHS, 'Exact', TOKEN_SERVICE_PORT)

/** The `spec` of the Ingress that sends everything else to the registry. */
export const registryIngressSpec = (args: IngressSpecArgs) => spec(args, ['/'], 'Prefix', REGISTRY_PORT)

function spec(
  { host, className, tlsSecret, service }: IngressSpecArgs,
  paths: readonly string[],
  pathType: 'Exact' | 'Prefix',
  number: number,
) {
  const name = hostName(host)
  return {
    ...(className === undefined ? {} : { ingressClassName: className }),
    ...(tlsSecret === undefined ? {} : { tls: [{ hosts: [name], secretName: tlsSecret }] }),
    rules: [
      {
        host: name,
        http: {
          paths: paths.map((path) => ({ path, pathType, backend: { service: { name: service, port: { number } } } })),
        },
      },
    ],
  }
}
