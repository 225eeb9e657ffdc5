/** What is done to the world while clients push. */
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { upWith } from '../e2e/changed-stack.ts'
import type { Event } from './report.ts'
import { WORKLOADS, type Workloads } from './workloads.ts'

/** Between two disturbances, so that their effects can be told apart. */
const PAUSE_MS = 8_000

interface Step {
  readonly name: string
  run(): Promise<void>
}

/** `pulumi up` with further settings. */
async function up(settings: Record<string, unknown>): Promise<void> {
  const { code, output } = await upWith((text) => {
    const file = parse(text)
    const own = Object.entries(settings).map(([name, value]) => [`passwordless-registry:${name}`, value])
    return stringify({ ...file, config: { ...file.config, ...Object.fromEntries(own) } })
  })
  if (code !== 0) throw new Error(`pulumi up failed:\n${output}`)
}

/** A generation that no earlier soak has used. */
const newGeneration = () => Math.ceil((Date.now() / 60_000) % 3_000) + 2

export const scenarios = {
  rollover: (workloads: Workloads): Step[] => [
    ...WORKLOADS.map((workload) => ({ name: `${workload} rolls over`, run: () => workloads.restart(workload) })),
    ...WORKLOADS.map((workload) => ({ name: `pod of ${workload} deleted`, run: () => workloads.deletePod(workload) })),
    { name: 'pulumi up with other labels', run: () => up({ labels: { soak: String(Date.now()) } }) },
  ],
  rotation: (): Step[] => {
    const generation = newGeneration()
    return [
      { name: 'pulumi up with another key', run: () => up({ keyGeneration: generation }) },
      { name: 'pulumi up with one more', run: () => up({ keyGeneration: generation + 1 }) },
    ]
  },
  drain: (workloads: Workloads): Step[] =>
    WORKLOADS.map((workload) => ({
      name: `pods of ${workload} evicted one after the other`,
      run: () => workloads.evictPods(workload),
    })),
}

export type ScenarioName = keyof typeof scenarios

export const isScenario = (name: string | undefined): name is ScenarioName =>
  name !== undefined && Object.hasOwn(scenarios, name)

/**
 * Does it all, one thing after the other.
 * @param now milliseconds since the start of the soak
 */
export async function runSteps(
  steps: readonly Step[],
  now: () => number,
  say: (line: string) => void,
): Promise<Event[]> {
  const events: Event[] = []
  for (const { name, run } of steps) {
    await sleep(PAUSE_MS)
    const startMs = now()
    say(`${(startMs / 1000).toFixed(1)} s: ${name} ...`)
    await run()
    events.push({ name, startMs, endMs: now() })
  }
  await sleep(PAUSE_MS)
  return events
}
