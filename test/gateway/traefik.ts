/** Traefik as the implementation of the Gateway API, a process in the local cluster's network. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ingressService } from '../../local/kubernetes/addons/ingress.ts'
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { findCgroups } from '../../local/kubernetes/cgroups.ts'
import { Daemons } from '../../local/kubernetes/daemons.ts'
import { addForward, namespaceForwarder, serviceAddress } from '../../local/kubernetes/forward.ts'
import { layoutOf, network } from '../../local/kubernetes/layout.ts'
import { ports, stateDir } from '../../local/paths.ts'
import { ensureTool } from '../../local/toolchain/index.ts'
import { ensurePython } from '../../local/toolchain/python.ts'
import { LISTENER_PORT } from './gateway.ts'

const ROUTED_LIMIT_MS = 60_000
const POLL_MS = 200

const layout = layoutOf(stateDir)

/**
 * Starts it and leads the registry's port of this machine to it, in place of the ingress controller; both end when it
 * is disposed of. As docs/operating.md says, its limit for the reading of a request is that of a layer.
 */
export async function startTraefik(): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'traefik-'))
  const kubeconfig = join(folder, 'kubeconfig')
  const outside = await readFile(layout.kubeconfig, 'utf8')
  const inside = outside.replace(/https:\/\/127\.0\.0\.1:\d+/, `https://${network.nodeAddress}:${network.apiPort}`)
  await writeFile(kubeconfig, inside, { mode: 0o600 })
  const flags = [
    `--entryPoints.web.address=${network.nodeAddress}:${LISTENER_PORT}`,
    '--entryPoints.web.transport.respondingTimeouts.readTimeout=900s',
    '--providers.kubernetesgateway',
    '--global.checkNewVersion=false',
    '--global.sendAnonymousUsage=false',
  ]
  const child = spawn('nsenter', [`--net=${layout.networkNamespace}`, await ensureTool('traefik'), ...flags], {
    env: { PATH: process.env.PATH, KUBECONFIG: kubeconfig },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = once(child, 'exit')
  await forwardTo(`${network.nodeAddress}:${LISTENER_PORT}`)
  return {
    async [Symbol.asyncDispose]() {
      await forwardTo(await serviceAddress(loadKubeconfig(layout.kubeconfig), ingressService))
      child.kill()
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Waits until the registry answers through it, as it does to whom has no token. */
export async function untilRouted(registry: string): Promise<void> {
  const giveUp = performance.now() + ROUTED_LIMIT_MS
  const status = () =>
    fetch(`http://${registry}/v2/`).then(
      ({ status }) => status,
      () => undefined,
    )
  while ((await status()) !== 401) {
    if (performance.now() > giveUp) {
      throw new Error(`the registry is not reached through the Gateway after ${ROUTED_LIMIT_MS / 1000} s`)
    }
    await sleep(POLL_MS)
  }
}

async function forwardTo(target: string): Promise<void> {
  const daemons = new Daemons(layout, await findCgroups(layout))
  await addForward(layout, daemons, namespaceForwarder(layout, daemons, await ensurePython()), ports.registry, target)
}
