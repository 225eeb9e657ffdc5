/** The Ingress's specification. */
import { REGISTRY_PORT, TOKEN_SERVICE_PORT } from './ports.ts'

/**
 * Layers can have any size, but controllers based on nginx stop at 1 MB. The others (HAProxy, Traefik, Contour,
 * Skipper) have no limit by default, and every controller ignores annotations that are not its own.
 */
export const UNLIMITED_UPLOADS = {
  // ingress-nginx
  'nginx.ingress.kubernetes.io/proxy-body-size': '0',
  'nginx.ingress.kubernetes.io/proxy-request-buffering': 'off',
  'nginx.ingress.kubernetes.io/proxy-read-timeout': '900',
  'nginx.ingress.kubernetes.io/proxy-send-timeout': '900',
  // NGINX Inc.'s controller
  'nginx.org/client-max-body-size': '0',
  'nginx.org/proxy-read-timeout': '900s',
  'nginx.org/proxy-send-timeout': '900s',
}

/** The Ingress's `spec`. A rule names a host without its port. */
export function ingressSpec(args: {
  host: string
  className: string | undefined
  tlsSecret: string | undefined
  tokenService: string
  registry: string
}) {
  const host = args.host.replace(/:\d+$/, '')
  const path = (path: string, pathType: 'Exact' | 'Prefix', name: string, port: number) => ({
    path,
    pathType,
    backend: { service: { name, port: { number: port } } },
  })
  return {
    ...(args.className === undefined ? {} : { ingressClassName: args.className }),
    ...(args.tlsSecret === undefined ? {} : { tls: [{ hosts: [host], secretName: args.tlsSecret }] }),
    rules: [
      {
        host,
        http: {
          paths: [
            path('/token', 'Exact', args.tokenService, TOKEN_SERVICE_PORT),
            path('/', 'Prefix', args.registry, REGISTRY_PORT),
          ],
        },
      },
    ],
  }
}
