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
