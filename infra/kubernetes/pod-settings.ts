/**
 * What a cluster requires of every pod: pull secrets, where pods may run, what they may use, labels that its policies
 * require. One set of settings for all pods.
 */
import { z } from 'zod'
import { labels as ownLabels } from './labels.ts'

/** kubernetes.io, "Labels and Selectors": an optional DNS prefix, then a name of at most 63 characters. */
const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[a-zA-Z0-9]([-\w.]{0,61}[a-zA-Z0-9])?$/
const LABEL_VALUE = /^([a-zA-Z0-9]([-\w.]{0,61}[a-zA-Z0-9])?)?$/
/** kubernetes.io, "Quantity": a number with an optional unit. */
const QUANTITY = /^\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/

const expected = (what: string) => ({ error: what })
const matching = (pattern: RegExp, what: string) => z.string(expected(what)).regex(pattern, expected(what))
const objectName = matching(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'a Kubernetes name: a-z, 0-9, "-" and "."')
const labelMap = z.record(
  matching(LABEL_KEY, 'the name of a label, such as team or example.com/team'),
  matching(LABEL_VALUE, 'the value of a label: at most 63 letters, digits, "-", "_" and "."'),
  expected('a map of label to text'),
)

/** Of a CPU. */
export const quantity = matching(QUANTITY, 'a quantity, such as 100m')
const quantities = z.strictObject(
  {
    cpu: quantity.optional(),
    memory: matching(QUANTITY, 'a quantity, such as 256Mi').optional(),
  },
  expected('cpu and memory'),
)
const containerResources = z.strictObject(
  { requests: quantities.optional(), limits: quantities.optional() },
  expected('requests and limits'),
)

/** Every container of the stack is of one of these: where a quota wants limits of all, one without would not start. */
export const workloads = [
  'tokenService',
  'registry',
  'events',
  'probers',
  'pullSecrets',
  'cleanUp',
  'storageCheck',
] as const

/** kubernetes.io, "Taints and Tolerations". */
const toleration = z.strictObject(
  {
    key: matching(LABEL_KEY, 'the key of a taint').optional(),
    operator: z.enum(['Exists', 'Equal'], expected('Exists or Equal')).optional(),
    value: matching(LABEL_VALUE, 'the value of a taint').optional(),
    effect: z
      .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], expected('NoSchedule, PreferNoSchedule or NoExecute'))
      .optional(),
    tolerationSeconds: z.int(expected('a whole number of seconds')).optional(),
  },
  expected('a toleration: { key, operator, value, effect }'),
)

/** The settings by their names in Pulumi.yaml; infra/config.ts says how to set them where one is wrong. */
export const podSettings = {
  imagePullSecrets: {
    schema: z.array(objectName, expected('a list of names of Secrets')),
    path: 'imagePullSecrets[0]',
    example: 'mirror-login',
  },
  resources: {
    schema: z.partialRecord(
      z.enum(workloads),
      containerResources,
      expected(`{ ${workloads.join(', ')} }, each with requests and limits`),
    ),
    path: 'resources.registry.limits.memory',
    example: '1Gi',
  },
  tolerations: {
    schema: z.array(toleration, expected('a list of tolerations')),
    path: 'tolerations[0].key',
    example: 'ci',
  },
  nodeSelector: { schema: labelMap, path: 'nodeSelector["kubernetes.io/arch"]', example: 'amd64' },
  priorityClass: { schema: z.literal('').or(objectName), example: 'system-cluster-critical' },
  labels: {
    schema: labelMap.refine((given) => !Object.keys(given).some((key) => key in ownLabels('')), {
      error: `labels other than ${Object.keys(ownLabels('')).join(' and ')}, by which the stack finds its pods`,
    }),
    path: 'labels.team',
    example: 'platform',
  },
} as const

export type PodSettings = { [Name in keyof typeof podSettings]: z.output<(typeof podSettings)[Name]['schema']> }

export type Workload = (typeof workloads)[number]

/** Of a container. */
export interface Resources {
  requests: Record<string, string>
  limits: Record<string, string>
}

/** Parts of a Deployment. */
export interface PodExtras {
  /** For the Deployment and its pods; not for selectors, which can never change. */
  labels: Record<string, string>
  /** Fields of the pod's specification, only those that are set. */
  spec: Record<string, unknown>
  /** A figure that is not set keeps its default. */
  resources: Resources
}

/** The settings as parts of the pods of one workload. */
export function podExtras(settings: PodSettings, workload: Workload, defaults: Resources): PodExtras {
  const { imagePullSecrets, tolerations, nodeSelector, priorityClass, labels } = settings
  return {
    labels,
    spec: {
      ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
      ...(tolerations.length > 0 && { tolerations }),
      ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
      ...(priorityClass !== '' && { priorityClassName: priorityClass }),
    },
    resources: resourcesOf(settings, workload, defaults),
  }
}

/** What a container of a workload may use, where it is in the pod of another. */
export function resourcesOf({ resources }: PodSettings, workload: Workload, defaults: Resources): Resources {
  const given = resources[workload] ?? {}
  return {
    requests: withGiven(defaults.requests, given.requests),
    limits: withGiven(defaults.limits, given.limits),
  }
}

const withGiven = (defaults: Record<string, string>, given: Record<string, string | undefined> = {}) => ({
  ...defaults,
  ...Object.fromEntries(
    Object.entries(given).flatMap(([name, figure]) => (figure === undefined ? [] : [[name, figure]])),
  ),
})
