/** How requests get in: the settings, and which of them go together. */
import { z } from 'zod'
import { isOnThisMachine } from '../public-url.ts'
import { PROJECT } from '../setting-mistakes.ts'
import type { GatewayReference } from './http-route-spec.ts'

const expected = (what: string) => ({ error: what })
const objectName = z
  .string(expected('a Kubernetes name'))
  .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, expected('a Kubernetes name: a-z, 0-9, "-" and "."'))

const gatewayShape = z.strictObject(
  { name: objectName.optional(), namespace: objectName.optional(), section: objectName.optional() },
  expected('{ name, namespace, section } of a Gateway'),
)

/** The settings by their names in Pulumi.yaml; infra/config.ts says how to set them where one is wrong. */
export const exposureSettings = {
  exposure: {
    schema: z.enum(['ingress', 'gateway', 'none'], expected('ingress, gateway or none')),
    example: 'gateway',
  },
  gateway: {
    schema: gatewayShape.transform(({ name, ...rest }): GatewayReference | undefined =>
      name === undefined ? undefined : { name, ...rest },
    ),
    path: 'gateway.name',
    example: 'public',
  },
}

/** What these settings, and those of the Ingress, are after their own checks. */
export interface Exposure {
  exposure: 'ingress' | 'gateway' | 'none'
  gateway: GatewayReference | undefined
  ingressClass: string | undefined
  ingressTlsSecret: string | undefined
  ingressAnnotations: Readonly<Record<string, string>>
}

/** A route without a Gateway never answers. */
export const lacksGateway = ({ exposure, gateway }: Pick<Exposure, 'exposure' | 'gateway'>): boolean =>
  exposure === 'gateway' && gateway === undefined

/** Settings that change nothing: a certificate that is not used should be noticed. */
export function exposureWarnings(settings: Exposure): string[] {
  const { exposure, gateway, ingressClass, ingressTlsSecret, ingressAnnotations } = settings
  const idle = {
    ...(exposure === 'ingress'
      ? {}
      : {
          ingressClass: ingressClass !== undefined,
          ingressTlsSecret: ingressTlsSecret !== undefined,
          ingressAnnotations: Object.keys(ingressAnnotations).length > 0,
        }),
    ...(exposure === 'gateway' ? {} : { gateway: gateway !== undefined }),
  }
  const names = Object.entries(idle).flatMap(([name, isSet]) => (isSet ? [name] : []))
  if (names.length === 0) return []
  return [`exposure: is ${exposure}, so the stack does not use ${names.join(', ')}`]
}

/** All requests come from the ingress, so without its address in the list all clients look like one. */
export function proxyWarnings({ host, trustedProxies }: { host: string; trustedProxies: readonly string[] }): string[] {
  if (trustedProxies.length > 0 || isOnThisMachine(host)) return []
  return [
    'trustedProxies: is not set, so the token service sees all clients as one: in a rush one client can take the turns ' +
      'of others, and it cannot limit the rate of an address.\n' +
      "  Name the addresses of the ingress controller's pods and of any proxy before it:\n" +
      `  pulumi config set --path '${PROJECT}:trustedProxies[0]' 10.0.0.0/8`,
  ]
}
