/** How long 2 GB take through ingress and authentication, beside the registry alone with the same way in. */
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { jobToken, registry } from '../e2e/job.ts'
import { askToken, job } from '../e2e/token-client.ts'
import { registryAlone, startRegistryAlone } from './bare-in-cluster.ts'
import { type Layer, layer, pull, push, type Repository } from './layer.ts'
import { type Comparison, compare, type Round } from './ratio.ts'

const NAME = 'acme/bytes'
const LAYERS = 8
const LAYER_PIECES = 256
const ROUNDS = 5

async function throughStack(): Promise<Repository> {
  const jwt = await jobToken('github', NAME)
  const { token, reason } = await askToken(job(jwt), [`repository:${NAME}:pull,push`])
  if (token === '') throw new Error(`no registry token was given: ${reason}`)
  return { registry, name: NAME, token }
}

const alone = async (): Promise<Repository> => ({ registry: registryAlone, name: NAME, token: undefined })

/** One of the two ways in, and how many seconds its transfers have taken so far. */
class Way {
  seconds = 0
  #repository: Repository | undefined
  readonly #open: () => Promise<Repository>

  constructor(open: () => Promise<Repository>) {
    this.#open = open
  }

  /** The first transfer asks for the token, and that counts. */
  async transfer(work: typeof push, layer: Layer): Promise<void> {
    const began = performance.now()
    this.#repository ??= await this.#open()
    await work(this.#repository, layer)
    this.seconds += (performance.now() - began) / 1000
  }
}

/** Every layer by both ways, one right after the other; who is first changes with each. */
async function runRound(work: typeof push, layers: readonly Layer[]): Promise<Round> {
  const ways = { stack: new Way(throughStack), alone: new Way(alone) }
  for (const [index, each] of layers.entries()) {
    const turns = index % 2 === 0 ? [ways.stack, ways.alone] : [ways.alone, ways.stack]
    for (const way of turns) await way.transfer(work, each)
  }
  return { stack: ways.stack.seconds, alone: ways.alone.seconds }
}

/** To be run beside a local world that is up. */
export async function bytes(say: (line: string) => void): Promise<{ push: Comparison; pull: Comparison }> {
  const layers = Array.from({ length: LAYERS }, (_, number) => layer(LAYER_PIECES, number))
  await using _alone = await startRegistryAlone(loadKubeconfig(layoutOf(stateDir).kubeconfig))
  const rounds = { push: [] as Round[], pull: [] as Round[] }
  const works = [
    ['push', push],
    ['pull', pull],
  ] as const
  // The first round fills caches and is not counted.
  for (let number = 0; number <= ROUNDS; number += 1) {
    for (const [name, work] of works) {
      const round = await runRound(work, layers)
      if (number > 0) rounds[name].push(round)
      const note = number === 0 ? ' (not counted)' : ''
      say(`${name}: ${round.stack.toFixed(1)} s through the stack, ${round.alone.toFixed(1)} s alone${note}`)
    }
  }
  return { push: compare(rounds.push), pull: compare(rounds.pull) }
}
