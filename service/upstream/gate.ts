/** So many calls to authentik at once and no more; the next ones wait in a line that ends somewhere. */
import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Exchange } from './exchange.ts'

export interface Gate {
  /** Puts the gate in front of calls; all share its places. */
  protect(exchange: Exchange): Exchange
  inFlight(): number
  waiting(): number
}

export function createGate(limits: Pick<Limits, 'upstreamConnections' | 'upstreamQueue' | 'upstreamQueueMs'>): Gate {
  let inFlight = 0
  // A Set keeps the order in which they came, and lets one that has waited too long leave from the middle.
  const line = new Set<() => void>()

  const enter = async () => {
    if (inFlight < limits.upstreamConnections) {
      inFlight += 1
      return
    }
    if (line.size >= limits.upstreamQueue) {
      throw new TokenError('upstream_busy', 'Too many logins are under way; try again in a few seconds')
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    line.add(resolve)
    const timer = setTimeout(() => {
      line.delete(resolve)
      reject(new TokenError('upstream_busy', 'This login has waited too long for its turn; try again in a few seconds'))
    }, limits.upstreamQueueMs)
    await promise.finally(() => clearTimeout(timer))
  }
  // A place goes from hand to hand: `inFlight` stays as it is when somebody waits.
  const leave = () => {
    const [next] = line
    if (next === undefined) {
      inFlight -= 1
      return
    }
    line.delete(next)
    next()
  }

  return {
    inFlight: () => inFlight,
    waiting: () => line.size,
    protect: (exchange) => async (request) => {
      await enter()
      try {
        return await exchange(request)
      } finally {
        leave()
      }
    },
  }
}
