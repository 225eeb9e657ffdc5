/** What an add-on is: objects to apply, and the Deployment by which it is known to be ready. */
import type { KubernetesObject, V1PolicyRule } from '@kubernetes/client-node'

/** An object as its manifest has it: any fields beside kind and metadata. */
export type Manifest = KubernetesObject & Record<string, unknown>

export interface Addon {
  /** Of its Deployment, and the value of the label `app` on its pods. */
  readonly name: string
  readonly namespace: string
  readonly objects: readonly Manifest[]
}

export function labelsOf(name: string): { app: string } {
  return { app: name }
}

export interface Subject {
  readonly kind: 'ServiceAccount' | 'User'
  readonly name: string
  readonly namespace?: string
}

const RBAC = 'rbac.authorization.k8s.io'

/** A ClusterRole and its binding to one subject, both called `name`. */
export function clusterRole(name: string, subject: Subject, rules: readonly V1PolicyRule[]): Manifest[] {
  return [
    { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    clusterRoleBinding(name, name, subject),
  ]
}

export function clusterRoleBinding(name: string, role: string, subject: Subject): Manifest {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
    subjects: [subject.kind === 'User' ? { ...subject, apiGroup: RBAC } : subject],
  }
}

export interface Labelled {
  readonly name: string
  readonly namespace: string
  readonly labels: Record<string, string>
}

/**
 * A Deployment whose one pod has the labels of its Deployment.
 * @param pod its specification
 * @param more `strategy: { type: 'Recreate' }` where two pods must not run at once, and the pod's annotations
 */
export function deployment(metadata: Labelled, pod: object, more: { strategy?: object; annotations?: object } = {}) {
  const { labels } = metadata
  const { strategy, annotations } = more
  const template = { metadata: { labels, ...(annotations && { annotations }) }, spec: pod }
  const spec = { replicas: 1, ...(strategy && { strategy }), selector: { matchLabels: labels }, template }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec } satisfies Manifest
}

/** In place of a rolling update, where both pods would use one volume. */
export const RECREATE = { strategy: { type: 'Recreate' } }
