/** Where the service runs in a cluster whose pods pull: what it needs to ask that cluster's API server. */

/** The cluster in which the service runs. */
export interface OwnCluster {
  /** Slug of the source that it is in the trust rules. */
  source: string
  apiServer: URL
  /** Path of a folder with the service's own `token` for the API server, and the authorities of it, `ca.crt`. */
  folder: string
}

/** Reads it from the environment; undefined where the service is not to ask. */
export function readOwnCluster(given: Readonly<Record<string, string | undefined>>): {
  cluster: OwnCluster | undefined
  mistakes: string[]
} {
  const { CLUSTER_SOURCE: source, CLUSTER_FILES: folder } = given
  if (!source && !folder) return { cluster: undefined, mistakes: [] }
  const apiServer = apiServerFrom(given)
  const mistakes: string[] = []
  if (!source || !folder || !apiServer) {
    mistakes.push(
      'CLUSTER_SOURCE and CLUSTER_FILES belong together, in a pod: Kubernetes sets KUBERNETES_SERVICE_HOST and ' +
        'KUBERNETES_SERVICE_PORT; one of the four is missing or wrong',
    )
  }
  // Without the rules no token is known to be of that source, and every one would pass without the question.
  if (!given.TRUST_FILE) mistakes.push('CLUSTER_SOURCE needs TRUST_FILE, which says which tokens are of that source')
  return { cluster: source && folder && apiServer ? { source, apiServer, folder } : undefined, mistakes }
}

function apiServerFrom(given: Readonly<Record<string, string | undefined>>): URL | undefined {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = given
  const url = host === '' ? null : URL.parse(`https://${host.includes(':') ? `[${host}]` : host}:${port}`)
  return url ?? undefined
}
