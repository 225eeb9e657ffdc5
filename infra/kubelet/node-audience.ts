/**
 * Lets the nodes ask for tokens for our audience. Without it the API server refuses a kubelet that asks for a token for
 * an audience which the pod itself does not name (kubernetes.io, NodeRestriction; ServiceAccountNodeAudienceRestriction
 * is on from 1.33). It lets a node ask only for accounts of pods that run on it.
 */
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'

const GROUP = 'rbac.authorization.k8s.io'

/** kubernetes.io, "Configure a kubelet image credential provider": the audience takes the place of a resource. */
export const nodeAudienceRules = (audience: string) => [
  { verbs: ['request-serviceaccounts-token-audience'], apiGroups: [''], resources: [audience] },
]

export interface NodeAudienceArgs {
  /** Of the stack; what concerns the whole cluster has its name, so that several registries can share a cluster. */
  readonly namespaceName: string
  readonly audience: string
}

export class NodeAudience extends pulumi.ComponentResource {
  constructor({ namespaceName, audience }: NodeAudienceArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:kubernetes:NodeAudience', 'node-audience', {}, opts)
    const name = `${namespaceName}:node-audience`
    const child = { parent: this }
    const role = new kubernetes.rbac.v1.ClusterRole(
      'node-audience',
      { metadata: { name }, rules: nodeAudienceRules(audience) },
      child,
    )
    new kubernetes.rbac.v1.ClusterRoleBinding(
      'node-audience',
      {
        metadata: { name },
        roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: role.metadata.name },
        subjects: [{ apiGroup: GROUP, kind: 'Group', name: 'system:nodes' }],
      },
      child,
    )
    this.registerOutputs({})
  }
}
