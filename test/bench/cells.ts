/** Which loads a run of the bench measures: few while somebody works, all of them otherwise. */
import type { WorkloadName } from './workloads.ts'

/** How much is measured. */
export type Extent = 'quick' | 'usual' | 'full'

/** Loads of one kind over one number of connections; they share what is measured of the bare server between them. */
export interface CellGroup {
  workload: WorkloadName
  connections: number
  /** Milliseconds that the upstream takes; undefined where it is not ours to say. */
  delaysMs: readonly (number | undefined)[]
}

/** Seconds of measuring and warming up. */
export interface Durations {
  service: number
  serviceWarmUp: number
  bare: number
  bareWarmUp: number
}

const workloads = ['unique', 'repeated', 'mix'] as const
const connections = [1, 16, 64, 256]
const delaysMs = [0, 20, 200]

/** Those that the aims speak of, and one with a single client. */
const quick: readonly CellGroup[] = [
  { workload: 'unique', connections: 64, delaysMs: [20] },
  { workload: 'repeated', connections: 1, delaysMs: [0] },
  { workload: 'repeated', connections: 64, delaysMs: [20] },
  { workload: 'mix', connections: 64, delaysMs: [20] },
]

const WARM_UP_SECONDS = 0.5
/** The bare server has little to warm up, and is measured before and after each of the others. */
const BARE_PART = 0.5
const USUAL_SECONDS = 2
const FULL_SECONDS = 5

/** The groups of a run. @param delayed whether the upstream is ours, and as slow as we say */
export function cellGroups(extent: Extent, delayed: boolean): CellGroup[] {
  const all = workloads.flatMap((workload) => connections.map((count) => ({ workload, connections: count, delaysMs })))
  const chosen: readonly CellGroup[] = extent === 'quick' ? quick : all
  return chosen.map((group) => (delayed ? group : { ...group, delaysMs: [undefined] }))
}

/** How long each takes. @param seconds of each load, if somebody has said so */
export function durations(extent: Extent, seconds: number | undefined): Durations {
  const service = seconds ?? (extent === 'full' ? FULL_SECONDS : USUAL_SECONDS)
  return {
    service,
    serviceWarmUp: WARM_UP_SECONDS,
    bare: service * BARE_PART,
    bareWarmUp: WARM_UP_SECONDS * BARE_PART,
  }
}
