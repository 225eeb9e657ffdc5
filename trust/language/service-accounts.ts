/** Service accounts of Kubernetes, as their tokens and the rules name them. */

/** Slug of the source that the stack makes from its own cluster. */
export const CLUSTER_SOURCE = 'cluster'

const SUBJECT = /^system:serviceaccount:([^:]+):([^:]+)$/

/** `sub` of an account's tokens (kubernetes.io, "Service account tokens"); either part can be a pattern. */
export const serviceAccountSubject = (namespace: string, name: string): string =>
  `system:serviceaccount:${namespace}:${name}`

/** The account that a `sub`, or a pattern of it, is about; undefined for all others. */
export function serviceAccountOf(subject: string): { namespace: string; name: string } | undefined {
  const [, namespace, name] = SUBJECT.exec(subject) ?? []
  return namespace === undefined || name === undefined ? undefined : { namespace, name }
}
