/** What keeps a workload of several pods up while pods and nodes come and go. */
import * as kubernetes from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { z } from 'zod'
import { quantity } from './pod-settings.ts'

/** Ingress controllers look for new addresses every few seconds; until then, a pod that ends still gets requests. */
export const LAME_DUCK_SECONDS = 5
/** How many pods an autoscaler starts with. */
const FIRST_REPLICAS = 2
/** More than this is a mistake. */
export const MAX_REPLICAS = 100

/** A new pod is ready before an old one ends. */
export const ROLLING_UPDATE = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }

/** On different nodes, where there are several. */
export const spread = (matchLabels: Record<string, string>) => [
  {
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels },
  },
]

const pods = z
  .int({ error: 'a whole number of pods' })
  .min(1, { error: 'at least 1 pod' })
  .max(MAX_REPLICAS, { error: `at most ${MAX_REPLICAS} pods` })
const autoscaler = z
  .strictObject(
    { min: pods.default(FIRST_REPLICAS), max: pods, cpu: quantity.optional() },
    { error: '{ min, max, cpu }' },
  )
  .refine(({ min, max }) => min <= max, { error: 'min to be at most max' })

export const autoscalingSetting = {
  schema: z.strictObject(
    { tokenService: autoscaler.optional(), registry: autoscaler.optional() },
    { error: '{ tokenService, registry }, each with min, max and cpu' },
  ),
  path: 'autoscaling.registry.max',
  example: '10',
} as const

export type Autoscaling = z.output<typeof autoscaler>

/** Where a pod uses more of a CPU than this on average, there should be more pods. */
const DEFAULT_CPU = '500m'

/**
 * The number of pods: of a Deployment, and whether something else changes it later.
 *
 * @param replicas 0: an autoscaler outside of this stack decides
 */
export function replicaCount(replicas: number, autoscaling: Autoscaling | undefined) {
  const isElsewhere = replicas === 0 || autoscaling !== undefined
  return {
    replicas: autoscaling?.min ?? (replicas || FIRST_REPLICAS),
    ignoreChanges: isElsewhere ? ['spec.replicas'] : [],
  }
}

interface WorkloadArgs {
  metadata: { name: string; namespace: pulumi.Input<string>; labels: Record<string, string> }
  matchLabels: Record<string, string>
  autoscaling: Autoscaling | undefined
}

/** The objects beside a Deployment: one pod at most is away on purpose, and an autoscaler where the stack has one. */
export function keepAvailable(
  { metadata, matchLabels, autoscaling }: WorkloadArgs,
  options: pulumi.CustomResourceOptions,
) {
  const { name } = metadata
  new kubernetes.policy.v1.PodDisruptionBudget(
    name,
    { metadata, spec: { maxUnavailable: 1, selector: { matchLabels } } },
    options,
  )
  if (autoscaling === undefined) return
  const { min, max, cpu = DEFAULT_CPU } = autoscaling
  new kubernetes.autoscaling.v2.HorizontalPodAutoscaler(
    name,
    {
      metadata,
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        minReplicas: min,
        maxReplicas: max,
        // An amount, not a share of the request: the request is small, so that idle pods fit anywhere.
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: cpu } } }],
      },
    },
    options,
  )
}
