/** In which way the upstream fails at which moment of a soak: each way in turn, with calm between. */
import { type Fault, faults } from './upstream.ts'

const CALM_SECONDS = 6
/** Longer than the time-outs that the soak gives the service. */
const FAULT_SECONDS = 4
const kinds = faults.filter((fault) => fault !== 'none')

/** Seconds until every fault has had its turn. */
export const cycleSeconds = (CALM_SECONDS + FAULT_SECONDS) * kinds.length

/** The fault of a moment. @param seconds since the beginning */
export function faultAt(seconds: number): Fault {
  const turn = Math.floor(seconds / (CALM_SECONDS + FAULT_SECONDS))
  const within = seconds - turn * (CALM_SECONDS + FAULT_SECONDS)
  return within < CALM_SECONDS ? 'none' : (kinds[turn % kinds.length] ?? 'none')
}
