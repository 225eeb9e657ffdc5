/** Who watches the stack: the setting `monitoring`. */
import { z } from 'zod'

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
/** kubernetes.io/docs/concepts/overview/working-with-objects/labels: values have 63 characters at most. */
const LABEL = /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/

const expected = (what: string) => ({ error: what })

/** The setting by its place in Pulumi.yaml; infra/config.ts says how to set it where it is wrong. */
export const monitoringSetting = {
  schema: z
    .strictObject(
      {
        objects: z
          .stringbool({ truthy: ['true'], falsy: ['false'], ...expected('true or false') })
          .or(z.boolean(expected('true or false'))),
        namespace: z.string(expected('a Kubernetes name')).regex(NAME, expected('a Kubernetes name: a-z, 0-9 and "-"')),
        labels: z.record(z.string(), z.string(expected('a text')).regex(LABEL, expected('the value of a label')), {
          error: 'a map of label to text',
        }),
      },
      expected('{ objects, namespace, labels }'),
    )
    .partial()
    .transform(
      ({ objects = true, namespace = 'monitoring', labels = {} }): MonitoringSetting => ({
        objects,
        namespace,
        labels,
      }),
    ),
  path: 'monitoring.namespace',
  example: 'observability',
}

export interface MonitoringSetting {
  /** Whether the stack creates dashboard, alerts and monitors. */
  objects: boolean
  /** Namespace of Prometheus, which the network policies let in. */
  namespace: string
  /** Further labels of what Prometheus has to find, as many select by `release`. */
  labels: Readonly<Record<string, string>>
}
