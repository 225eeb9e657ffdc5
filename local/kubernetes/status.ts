/** Tells whether the cluster runs, and what it costs. */
import { readFile } from 'node:fs/promises'
import { isAddonReady, isApiReady, isNodeReady, loadKubeconfig } from './api.ts'
import { findCgroups, processesIn } from './cgroups.ts'
import { processesFile } from './daemons.ts'
import { type Layout, layoutOf } from './layout.ts'
import { addons, processNames } from './own-cluster.ts'
import { isRunning, ProcessTable } from './process-table.ts'

export interface ClusterStatus {
  /** `broken`: parts of it run, but it cannot be used; the next start repairs it. */
  readonly state: 'running' | 'broken' | 'stopped'
  readonly kubeconfig: string
  readonly processes: readonly { readonly name: string; readonly pid: number }[]
  /** What is not as it should be, one sentence each. */
  readonly problems: readonly string[]
  /** Of all processes of the cluster, pods included, each shared page counted once. */
  readonly memoryMiB: number
}

/** Looks at our own cluster; changes nothing. */
export async function clusterStatus(stateDir: string): Promise<ClusterStatus> {
  const layout = layoutOf(stateDir)
  const records = await new ProcessTable(processesFile(layout)).list()
  const running = records.filter(isRunning)
  const missing = processNames(layout).filter((name) => !running.some((record) => record.name === name))
  const problems = missing.map((name) => `${name} does not run`)
  if (running.length > 0 && problems.length === 0) problems.push(...(await apiProblems(layout.kubeconfig)))
  const state = problems.length === 0 ? 'running' : running.length === 0 ? 'stopped' : 'broken'
  const processes = running.map(({ name, pid }) => ({ name, pid }))
  return { state, kubeconfig: layout.kubeconfig, processes, problems, memoryMiB: await memoryMiB(layout) }
}

async function apiProblems(kubeconfig: string): Promise<string[]> {
  const config = loadKubeconfig(kubeconfig)
  if (!(await isApiReady(config))) return ['the API server does not answer']
  const ever = new Date(0)
  const checks = [
    { problem: 'the node is not ready', isFine: isNodeReady(config, ever) },
    ...addons.map((addon) => ({
      problem: `${addon.name} is not ready`,
      isFine: isAddonReady(config, addon, ever).catch(() => false),
    })),
  ]
  return (await Promise.all(checks.map(async (check) => ((await check.isFine) ? [] : [check.problem])))).flat()
}

async function memoryMiB(layout: Layout): Promise<number> {
  const cgroups = await findCgroups(layout)
  const pids = [...(await processesIn(cgroups, 'daemons')), ...(await processesIn(cgroups, 'pods'))]
  const kibibytes = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
      return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0)
    }),
  )
  return Math.round(kibibytes.reduce((sum, value) => sum + value, 0) / 1024)
}
