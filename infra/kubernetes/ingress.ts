import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { conflictAdvice } from './conflict-advice.ts'
import type { Entrance } from './entrance.ts'
import { LAYER_ANNOTATIONS, registryIngressSpec, tokenAnnotations, tokenIngressSpec } from './ingress-objects.ts'
import { DO_NOT_WAIT, labels } from './labels.ts'

export interface IngressArgs extends Entrance {
  className: string | undefined
  tlsSecret: string | undefined
  annotations: Record<string, string>
}

/** The entrance as two Ingresses, so that the limits for layers do not apply to tokens. */
export class Ingress extends pulumi.ComponentResource {
  constructor(args: IngressArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:kubernetes:Ingress', 'registry', {}, opts)
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
    const ingress = (
      name: string,
      service: pulumi.Input<string>,
      specOf: typeof registryIngressSpec,
      annotations: Record<string, string>,
      after: pulumi.Resource[],
    ) =>
      new kubernetes.networking.v1.Ingress(
        name,
        {
          metadata: {
            name,
            namespace: args.namespace,
            labels: labels(name),
            annotations: { ...DO_NOT_WAIT, ...annotations },
          },
          spec: pulumi.output(service).apply((name) => specOf({ ...args, service: name })),
        },
        {
          parent: this,
          hooks: conflictAdvice(),
          dependsOn: after,
          // Only a new Ingress gets the cluster's default class, so one that loses its class must be replaced.
          replaceOnChanges: ['spec.ingressClassName'],
          deleteBeforeReplace: true,
        },
      )
    const ofRegistry = { ...LAYER_ANNOTATIONS, ...args.annotations }
    const registry = ingress('registry', args.registry, registryIngressSpec, ofRegistry, served)
    // After the other one, which had /token too in stacks of older versions: controllers refuse a path twice.
    const ofTokens = tokenAnnotations(args.annotations)
    ingress('token-service', args.tokenService, tokenIngressSpec, ofTokens, [...served, registry])
    this.registerOutputs({})
  }
}
