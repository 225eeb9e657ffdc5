import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { conflictAdvice } from './conflict-advice.ts'
import type { Entrance } from './entrance.ts'
import { type GatewayReference, registryRouteSpec, tokenRouteSpec } from './http-route-spec.ts'
import { DO_NOT_WAIT, labels } from './labels.ts'

const API = 'gateway.networking.k8s.io/v1'

export interface HttpRoutesArgs extends Entrance {
  gateway: GatewayReference
  /** The stack's namespace, as in the configuration. */
  namespaceName: string
}

/** The entrance as two routes of a Gateway that the cluster has already; TLS ends at its listener. */
export class HttpRoutes extends pulumi.ComponentResource {
  constructor(args: HttpRoutesArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:kubernetes:HttpRoutes', 'routes', {}, opts)
    const { name, namespace = args.namespaceName } = args.gateway
    // Kubernetes accepts a route of a Gateway that is not there, and then nothing ever answers.
    const gateway = kubernetes.apiextensions.CustomResource.get(
      'the Gateway that passwordless-registry:gateway names',
      { apiVersion: API, kind: 'Gateway', id: `${namespace}/${name}`, parent: this },
    )
    const route = (name: string, service: pulumi.Input<string>, specOf: typeof registryRouteSpec) =>
      new kubernetes.apiextensions.CustomResource(
        `${name}-route`,
        {
          apiVersion: API,
          kind: 'HTTPRoute',
          metadata: { name, namespace: args.namespace, labels: labels(name), annotations: DO_NOT_WAIT },
          spec: pulumi.output(service).apply((service) => specOf({ ...args, service })),
        },
        { parent: this, hooks: conflictAdvice(), dependsOn: [gateway] },
      )
    route('registry', args.registry, registryRouteSpec)
    route('token-service', args.tokenService, tokenRouteSpec)
    this.registerOutputs({})
  }
}
