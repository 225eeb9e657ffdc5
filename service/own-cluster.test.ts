import { describe, expect, it } from 'vitest'
import { readOwnCluster } from './own-cluster.ts'

/** What the stack and Kubernetes set in the pod. */
const given = {
  CLUSTER_SOURCE: 'cluster',
  CLUSTER_FILES: '/var/run/secrets/cluster',
  KUBERNETES_SERVICE_HOST: '10.43.0.1',
  KUBERNETES_SERVICE_PORT: '443',
  TRUST_FILE: '/etc/trust.json',
}

describe('readOwnCluster', () => {
  it('says where the API server is, and where its files are', () => {
    const { cluster, mistakes } = readOwnCluster({ ...given, KUBERNETES_SERVICE_PORT: '6443' })
    expect(mistakes).toEqual([])
    expect(cluster).toEqual({
      source: 'cluster',
      apiServer: new URL('https://10.43.0.1:6443'),
      folder: '/var/run/secrets/cluster',
    })
  })

  it('takes an IPv6 address', () => {
    const { cluster } = readOwnCluster({ ...given, KUBERNETES_SERVICE_HOST: 'fd00::1' })
    expect(cluster?.apiServer.origin).toBe('https://[fd00::1]')
  })

  it('is off by default, in a pod too', () => {
    const { CLUSTER_SOURCE: _, CLUSTER_FILES: __, ...pod } = given
    expect(readOwnCluster(pod)).toEqual({ cluster: undefined, mistakes: [] })
  })

  it.each(['CLUSTER_SOURCE', 'CLUSTER_FILES', 'KUBERNETES_SERVICE_HOST'])('wants %s too', (missing) => {
    const { cluster, mistakes } = readOwnCluster({ ...given, [missing]: undefined })
    expect(cluster).toBeUndefined()
    expect(mistakes).toEqual([expect.stringMatching(/^CLUSTER_SOURCE and CLUSTER_FILES belong together, in a pod/)])
  })

  it('wants an address that is one', () => {
    const { mistakes } = readOwnCluster({ ...given, KUBERNETES_SERVICE_PORT: 'https' })
    expect(mistakes).toEqual([expect.stringMatching(/one of the four is missing or wrong/)])
  })

  it('wants the rules: without them no token would be known to be of that source', () => {
    const { mistakes } = readOwnCluster({ ...given, TRUST_FILE: undefined })
    expect(mistakes).toEqual([expect.stringMatching(/^CLUSTER_SOURCE needs TRUST_FILE/)])
  })
})
