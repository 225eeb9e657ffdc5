/** `npm run soak -- gateway`: the stack behind a Gateway that Traefik serves, and back behind its Ingresses. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { logIn } from '../../local/proof/clients.ts'
import { makeImage, manifestDigest } from '../../local/proof/image.ts'
import { conformance } from '../conformance/conformance.ts'
import { summarise } from '../conformance/verdict.ts'
import { upWith, withSettings } from '../e2e/changed-stack.ts'
import { jobToken, registry } from '../e2e/job.ts'
import openWorld from '../e2e/world.ts'
import { gatewaySettings, makeGateway } from './gateway.ts'
import { startTraefik, untilRouted } from './traefik.ts'

const PUSHES = 20

/** @returns whether every push came through, and back unharmed, and the conformance suite has nothing new to say */
export async function gatewaySoak(say: (line: string) => void): Promise<boolean> {
  const takeAway = await openWorld()
  try {
    await using _gateway = await makeGateway(loadKubeconfig(layoutOf(stateDir).kubeconfig))
    try {
      await changeStack((config) => withSettings(config, gatewaySettings))
      await using _traefik = await startTraefik()
      await untilRouted(registry)
      const { verdict } = await conformance()
      say(summarise(verdict))
      const { failed, wrong } = await pushAndPull()
      say(`${PUSHES} pushes, ${failed} failed, ${wrong} wrong`)
      return verdict.failed.length + failed + wrong === 0
    } finally {
      await changeStack((config) => config)
    }
  } finally {
    await takeAway?.()
  }
}

async function changeStack(change: (config: string) => string): Promise<void> {
  const { code, output } = await upWith(change)
  if (code !== 0) throw new Error(`pulumi up failed:\n${output}`)
}

async function pushAndPull(): Promise<{ failed: number; wrong: number }> {
  const count = { failed: 0, wrong: 0 }
  for (let number = 0; number < PUSHES; number += 1) {
    const work = await mkdtemp(join(tmpdir(), 'gateway-'))
    const layout = await makeImage({ layers: 2, bytes: 4_000_000 })
    try {
      await using client = await logIn(
        number % 2 === 0 ? 'crane' : 'skopeo',
        registry,
        await jobToken('github', 'acme/app'),
      )
      const reference = `acme/app:gateway-${number}`
      const back = join(work, 'back')
      const ended = [await client.push(layout, reference), await client.pull(reference, back)]
      if (ended.some(({ exitCode }) => exitCode !== 0)) count.failed += 1
      else if ((await manifestDigest(back)) !== (await manifestDigest(layout))) count.wrong += 1
    } finally {
      await rm(work, { recursive: true, force: true })
      await rm(layout, { recursive: true, force: true })
    }
  }
  return count
}
