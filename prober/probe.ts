/** One run of a probe: what was tried, and how it ended. */
import { Refusal } from './image.ts'
import type { Probe } from './measured.ts'
import { reasonOf } from './web.ts'

export interface ProbeResult {
  readonly probe: Probe
  readonly ok: boolean
  readonly seconds: number
  /** What went wrong; never contains a token. */
  readonly problem?: string
}

/** The registry is being cleaned up and refuses pushes on purpose, so nothing can be said about it. */
export const PAUSED = 'paused'

/**
 * Runs the work of a probe and times it.
 * @returns PAUSED where pushes are refused because of a clean-up
 */
export async function timed(
  probe: Probe,
  work: () => Promise<void>,
  nowMs: () => number = () => performance.now(),
): Promise<ProbeResult | typeof PAUSED> {
  const begunMs = nowMs()
  const seconds = () => (nowMs() - begunMs) / 1000
  try {
    await work()
    return { probe, ok: true, seconds: seconds() }
  } catch (error) {
    if (error instanceof Refusal && error.reason === 'cleaning_up') return PAUSED
    return { probe, ok: false, seconds: seconds(), problem: reasonOf(error) }
  }
}
