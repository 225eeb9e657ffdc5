/** What the namespace requires of every pod: the Kubernetes pod security standard "restricted". */

/** The namespace refuses pods that ask for more. */
export const RESTRICTED_NAMESPACE = {
  'pod-security.kubernetes.io/enforce': 'restricted',
  'pod-security.kubernetes.io/warn': 'restricted',
}

/** Neither image needs a user of its own; 1000 is `node` in Node's image and has no name in the registry's. */
const USER = 1000

/**
 * What every pod has: no token but those that it mounts (an identity for a bucket brings its own), and no addresses of
 * Services among its variables.
 */
export const RESTRICTED_POD = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  // `fsGroup` makes the pod's volumes writable for the user.
  securityContext: {
    runAsNonRoot: true,
    runAsUser: USER,
    runAsGroup: USER,
    fsGroup: USER,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  },
}

/** Security context of a container. */
export const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
}
