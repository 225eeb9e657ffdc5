/** Token buckets: so many at once, and so many a second after that, for each key. */
import { LRUCache } from 'lru-cache'

/** How many keys are counted: credentials, or addresses of clients. */
const ENTRIES = 2_500

export interface RateLimit {
  /** Seconds until one more is allowed; 0 if one is allowed now. */
  waitSeconds(key: string): number
  /** Counts one. */
  take(key: string): void
}

interface Bucket {
  left: number
  atMs: number
}

/**
 * @param rate how many a second; 0 for no limit
 * @param burst how many at once
 * @param entries how many keys are counted; the one unused for longest is forgotten, and starts again
 * @param now milliseconds
 */
export function createRateLimit(
  { rate, burst, entries = ENTRIES }: { rate: number; burst: number; entries?: number },
  now: () => number,
): RateLimit {
  if (rate === 0) return { waitSeconds: () => 0, take: () => {} }
  const buckets = new LRUCache<string, Bucket>({ max: entries })
  const filled = (key: string): Bucket => {
    const atMs = now()
    const known = buckets.get(key)
    if (known === undefined) return { left: burst, atMs }
    return { left: Math.min(burst, known.left + ((atMs - known.atMs) / 1000) * rate), atMs }
  }
  return {
    waitSeconds: (key) => {
      const { left } = filled(key)
      return left >= 1 ? 0 : Math.ceil((1 - left) / rate)
    },
    take: (key) => {
      const { left, atMs } = filled(key)
      buckets.set(key, { left: Math.max(0, left - 1), atMs })
    },
  }
}
