import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { conflictAdvice } from './conflict-advice.ts'
import { ingressSpec, UNLIMITED_UPLOADS } from './ingress-spec.ts'
import { DO_NOT_WAIT, labels } from './labels.ts'

const NAME = 'registry'

export interface IngressArgs {
  namespace: pulumi.Input<string>
  /** Public name, with or without a port. */
  host: string
  className: string | undefined
  tlsSecret: string | undefined
  annotations: Record<string, string>
  /** Names of the Services. */
  tokenService: pulumi.Input<string>
  registry: pulumi.Input<string>
}

/** The entrance: `/token` goes to the token service, everything else to the registry. */
export class Ingress extends pulumi.ComponentResource {
  constructor(args: IngressArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:kubernetes:Ingress', NAME, {}, opts)
    const child = { parent: this, hooks: conflictAdvice() }
    const { className } = args
    // Kubernetes accepts an Ingress of a class without a controller, and then nothing ever answers.
    const served =
      className === undefined
        ? []
        : [
            kubernetes.networking.v1.IngressClass.get(
              `the class that passwordless-registry:ingressClass names`,
              className,
              { parent: this },
            ),
          ]
    new kubernetes.networking.v1.Ingress(
      NAME,
      {
        metadata: {
          name: NAME,
          namespace: args.namespace,
          labels: labels(NAME),
          annotations: { ...DO_NOT_WAIT, ...UNLIMITED_UPLOADS, ...args.annotations },
        },
        spec: pulumi
          .output({ tokenService: args.tokenService, registry: args.registry })
          .apply((names) => ingressSpec({ ...args, ...names })),
      },
      {
        ...child,
        dependsOn: served,
        // Only a new Ingress gets the cluster's default class, so one that loses its class must be replaced.
        replaceOnChanges: ['spec.ingressClassName'],
        deleteBeforeReplace: true,
      },
    )
    this.registerOutputs({})
  }
}
