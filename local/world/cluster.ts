/** The cluster that the stack will use: the given one, or one that the local world starts. */
import { KubeConfig } from '@kubernetes/client-node'
import { type Cluster, checkMachine, givenCluster, startCluster } from '../kubernetes/index.ts'
import { cacheDir, ports, stateDir } from '../paths.ts'
import { Stop } from '../steps.ts'
import { ensurePackages } from '../toolchain/debian.ts'
import { ensureKubernetes, ensureTools } from '../toolchain/index.ts'
import { ensurePython } from '../toolchain/python.ts'
import { assertDiskSpaceForWorld } from './disk-space.ts'
import type { Settings } from './settings.ts'

const clusterTools = ['kubernetes', 'coredns', 'skipper', 'registry', 'versitygw'] as const

/**
 * Gets everything that this machine needs for the world, then a cluster.
 *
 * @param install whether Debian packages that are missing may be installed, or are only named
 */
export async function openCluster(settings: Settings, { install }: { install: boolean }): Promise<Cluster> {
  const needsOwn = settings.cluster === undefined
  if (needsOwn) {
    await checkMachine()
    await assertDiskSpaceForWorld()
  }
  // Checked first: a person should not wait for a build only to learn that a package is missing.
  if (!install) await ensurePackages({ install })
  const [packages, tools] = await Promise.allSettled([
    ensurePackages({ install }),
    ensureTools(['pulumi', 'crane', ...(needsOwn ? clusterTools : [])]),
  ])
  // What was built stays built, whichever of the two failed.
  if (packages.status === 'rejected') throw packages.reason
  if (tools.status === 'rejected') throw tools.reason
  if (settings.cluster !== undefined) return useGiven(settings.cluster)

  const python = await ensurePython()
  const [kubernetes, others] = await Promise.all([ensureKubernetes(), ensureTools(clusterTools)])
  return startCluster({ stateDir, cacheDir, tools: { ...others, kubernetes, python }, ports })
}

function useGiven(given: NonNullable<Settings['cluster']>): Cluster {
  const config = new KubeConfig()
  if (given.kubeconfig === undefined) config.loadFromDefault()
  else config.loadFromFile(given.kubeconfig)
  const context = given.context ?? config.getCurrentContext()
  if (config.getContextObject(context) === null) {
    const known = config.getContexts().map(({ name }) => name)
    throw new Stop(
      `The stack names the Kubernetes context "${context}", but the kubeconfig has ${known.join(', ') || 'none'}.\n` +
        'Set another one with `pulumi config set kubernetes:context NAME`, or point KUBECONFIG at the file that has it.',
    )
  }
  return givenCluster(
    stateDir,
    given.kubeconfig ?? process.env.KUBECONFIG ?? `${process.env.HOME}/.kube/config`,
    context,
  )
}
