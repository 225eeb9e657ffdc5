/** The world that runs already, for commands that look at it and start nothing. */
import { clusterStatus } from '../kubernetes/index.ts'
import { stateDir } from '../paths.ts'
import { Stop } from '../steps.ts'
import { openStack, type Stack } from './pulumi.ts'
import { loadSettings } from './settings.ts'

/** The kubeconfig by which stack `local` reaches its cluster; undefined when the local world's own does not run. */
export async function findKubeconfig(): Promise<string | undefined> {
  const { cluster } = await loadSettings()
  if (cluster !== undefined) return cluster.kubeconfig ?? process.env.KUBECONFIG ?? `${process.env.HOME}/.kube/config`
  const { state, kubeconfig } = await clusterStatus(stateDir)
  return state === 'running' ? kubeconfig : undefined
}

/** @throws Stop when the local world does not run */
export async function openRunningStack(): Promise<Stack> {
  const kubeconfig = await findKubeconfig()
  if (kubeconfig === undefined) throw new Stop('The local world does not run. `npm run up` starts it.')
  const { standInAuthentik } = await loadSettings()
  return openStack({ kubeconfig, standInAuthentik })
}
