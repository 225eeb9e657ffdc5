/**
 * What the service remembers: a table with a time for each entry and a bound for all of them. What was not used for the
 * longest goes first.
 *
 * Tokens, refusals and requests have a table each. What anybody can fill, refusals, must not push out what jobs use.
 */
import { LRUCache } from 'lru-cache'

export interface Remembered<Value> {
  /** @returns undefined where nothing is kept, or no longer */
  get(key: string): Value | undefined
  set(key: string, value: Value, untilMs: number): void
  entries(): number
  bytes(): number
}

export interface Bounds<Value> {
  entries: number
  /** All of them together; entries alone count where it is left out. */
  bytes?: { most: number; of: (value: Value, key: string) => number }
}

interface Kept<Value> {
  readonly value: Value
  readonly sinceMs: number
  readonly untilMs: number
}

/** @param now milliseconds since 1970 */
export function createRemembered<Value>({ entries, bytes }: Bounds<Value>, now: () => number): Remembered<Value> {
  const known = new LRUCache<string, Kept<Value>>({
    max: entries,
    ...(bytes && {
      maxSize: bytes.most,
      sizeCalculation: ({ value }: Kept<Value>, key: string) => bytes.of(value, key),
    }),
  })
  return {
    get: (key) => {
      const kept = known.get(key)
      if (kept === undefined) return undefined
      // Before `sinceMs`: the clock was set back, so how much time has passed is unknown.
      if (kept.sinceMs <= now() && now() < kept.untilMs) return kept.value
      known.delete(key)
      return undefined
    },
    set: (key, value, untilMs) => {
      const sinceMs = now()
      if (sinceMs < untilMs) known.set(key, { value, sinceMs, untilMs })
    },
    entries: () => known.size,
    bytes: () => known.calculatedSize,
  }
}
