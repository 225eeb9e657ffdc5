/**
 * The cluster by itself, for working on what runs in it: `node local/kubernetes/main.ts up|down|status`.
 *
 * `npm run up` and `npm run down` do the same and more.
 */
import { cacheDir, ports, stateDir } from '../paths.ts'
import { runCommand, Stop, say } from '../steps.ts'
import { ensurePackages } from '../toolchain/debian.ts'
import { ensureKubernetes, ensureTools } from '../toolchain/index.ts'
import { ensurePython } from '../toolchain/python.ts'
import { checkMachine, clusterStatus, leftovers, startCluster, stopCluster, withWorldLock } from './index.ts'

async function up(): Promise<void> {
  await checkMachine()
  await ensurePackages({ install: true })
  const [kubernetes, tools, python] = await Promise.all([
    ensureKubernetes(),
    ensureTools(['coredns', 'skipper', 'registry']),
    ensurePython(),
  ])
  const { kubeconfig } = await startCluster({ stateDir, cacheDir, tools: { ...tools, kubernetes, python }, ports })
  say(`export KUBECONFIG=${kubeconfig}`)
}

async function down(): Promise<void> {
  await stopCluster(stateDir, { keepData: process.argv.includes('--keep-data') })
  for (const line of await leftovers(stateDir)) say(`still there: ${line}`)
}

const commands: Record<string, () => Promise<void>> = {
  up: () => withWorldLock(stateDir, 'kubernetes up', up),
  down: () => withWorldLock(stateDir, 'kubernetes down', down),
  status: async () => console.log(JSON.stringify(await clusterStatus(stateDir), null, 2)),
}

await runCommand(async () => {
  const command = commands[process.argv[2] ?? '']
  if (!command) throw new Stop(`usage: node local/kubernetes/main.ts up | down [--keep-data] | status`)
  await command()
})
