/**
 * How many calls to authentik may be under way: as many as it answers without making them wait for each other.
 *
 * Additive increase, multiplicative decrease, as TCP does it: while calls are answered in time and others wait for
 * their turn, one more is tried; an answer that takes too long removes a part of the places. authentik's exchanges
 * share a processor (about four a second, however many are under way), so on a usual one this finds two or three.
 */
import type { Limits } from '../limits.ts'

/** A call that was answered or timed out. */
export interface EndedCall {
  /** Milliseconds, of the same clock as `now`. */
  beganMs: number
  /** Whether no other call was under way with it: only such a call says how long authentik takes by itself. */
  alone: boolean
  /** Whether others waited for its place: without them nothing shows that more places would be of use. */
  wanted: boolean
}

export interface InFlightLimit {
  /** Calls that may be under way now; at least 1. */
  places(): number
  /** Milliseconds that a call takes, by those that were answered. */
  expectedMs(): number
  /** Whether it still looks for its first bound, so that no rate measured now is what authentik can do. */
  searching(): boolean
  answered(call: EndedCall): void
  /**
   * Our own time-out ended it. It is a sign of a crowd only if authentik answers others; silence is for the breaker to
   * notice.
   */
  timedOut(call: EndedCall): void
}

export type InFlightLimits = Pick<Limits, 'upstreamConnections' | 'upstreamFirstConnections' | 'upstreamCalmMs'>

/** The share of places that stays after an answer that took too long. */
const KEPT = 0.7
/** If authentik takes long by itself, its calls count as waiting for each other only from twice that time on. */
const OF_ALONE = 2
/** How much of a new measurement goes into the smoothed one: about ten calls are remembered. */
const SMOOTHING = 0.2

/** @param now milliseconds */
export function createInFlightLimit(limits: InFlightLimits, now: () => number): InFlightLimit {
  const most = limits.upstreamConnections
  let size = Math.min(limits.upstreamFirstConnections, most)
  let searching = true
  let aloneMs: number | undefined
  let usualMs: number | undefined
  let cutMs = Number.NEGATIVE_INFINITY
  let answeredMs = Number.NEGATIVE_INFINITY

  const cut = ({ beganMs }: EndedCall) => {
    searching = false
    // Calls that were under way at the last cut are part of the same crowd.
    if (beganMs < cutMs) return
    size = Math.max(1, size * KEPT)
    cutMs = now()
  }
  return {
    places: () => Math.floor(size),
    expectedMs: () => usualMs ?? limits.upstreamCalmMs,
    searching: () => searching && size < most,
    answered: (call) => {
      answeredMs = now()
      const tookMs = answeredMs - call.beganMs
      usualMs = smoothed(usualMs, tookMs)
      if (call.alone) aloneMs = smoothed(aloneMs, tookMs)
      const calmMs = Math.max(limits.upstreamCalmMs, OF_ALONE * (aloneMs ?? 0))
      if (tookMs > calmMs) return cut(call)
      if (call.wanted) size = Math.min(most, size + (searching ? 1 : 1 / size))
    },
    timedOut: (call) => {
      if (answeredMs > call.beganMs) cut(call)
    },
  }
}

function smoothed(before: number | undefined, measured: number): number {
  return before === undefined ? measured : before + (measured - before) * SMOOTHING
}
