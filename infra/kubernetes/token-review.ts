/**
 * Lets the token service ask the API server of its own cluster whether a token of a pod still counts, and nothing else:
 * tokens of accounts and pods that were deleted look good until they expire.
 */
import * as kubernetes from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { ACCOUNT } from './anonymous-pull.ts'

const GROUP = 'rbac.authorization.k8s.io'
const FOLDER = '/var/run/secrets/cluster'
/** Kubernetes renews a projected token when a fifth of its lifetime is left; the minimum is ten minutes. */
const TOKEN_SECONDS = 3600

/** The cluster in which the registry runs, where its pods pull. */
export interface OwnCluster {
  /** Slug of its source. */
  readonly source: string
  /** Of the stack; what concerns the whole cluster has its name, so that several registries can share a cluster. */
  readonly namespaceName: string
}

/** kubernetes.io, TokenReview: a question, which is "created" and never stored. */
export const tokenReviewRules = [
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
]

/** What a pod needs for it: parts of its specification, empty if pods of the own cluster do not pull. */
export function tokenReviewPod(cluster: OwnCluster | undefined) {
  if (cluster === undefined) return { env: [], volumes: [], volumeMounts: [] }
  const sources = [
    // Without an audience: for the API server itself.
    { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
    // Kubernetes puts it into each namespace (kubernetes.io, "Service account tokens").
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
  ]
  return {
    env: [
      { name: 'CLUSTER_SOURCE', value: cluster.source },
      { name: 'CLUSTER_FILES', value: FOLDER },
    ],
    volumes: [{ name: 'cluster', projected: { sources } }],
    volumeMounts: [{ name: 'cluster', mountPath: FOLDER, readOnly: true }],
  }
}

/** @returns what has to be there before a pod asks */
export function allowTokenReview(
  cluster: OwnCluster | undefined,
  namespace: pulumi.Input<string>,
  child: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  if (cluster === undefined) return []
  const metadata = { name: `${cluster.namespaceName}:token-review` }
  const role = new kubernetes.rbac.v1.ClusterRole('token-review', { metadata, rules: tokenReviewRules }, child)
  const binding = new kubernetes.rbac.v1.ClusterRoleBinding(
    'token-review',
    {
      metadata,
      roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: role.metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace }],
    },
    child,
  )
  return [binding]
}
