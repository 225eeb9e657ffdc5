/**
 * The queues in which calls to authentik wait, and whose turn is next.
 *
 * Each kind of credential has a queue and a share of the turns, so that guesses of passwords and anonymous requests
 * never take those of jobs whose token the issuer is known to have signed. Within a queue whoever has begun a login or
 * a push finishes first, then client addresses take turns, and of one address whoever will wait the shortest goes
 * first.
 */
import type { Callers } from './callers.ts'

/**
 * - `verified`: CI tokens and sessions with a signature that was checked here
 * - `unverified`: those whose issuer's keys are not known, or cannot be fetched
 * - `password`: people, service accounts, and whoever guesses
 * - `anonymous`: whoever brings nothing
 */
export const kinds = ['verified', 'unverified', 'password', 'anonymous'] as const
export type Kind = (typeof kinds)[number]

/** Of so many turns together, where all wait; a queue that is empty leaves its turns to the others. */
const shares: Readonly<Record<Kind, number>> = { verified: 12, unverified: 2, password: 1, anonymous: 1 }

/** A call that waits for its turn. */
export interface Waiting {
  readonly kind: Kind
  /** Whether it continues something begun: a push, or the rest of a login. */
  readonly begun: boolean
  readonly callers: Callers
  /** When it came, in milliseconds. */
  readonly sinceMs: number
}

/** A call, and how many turns come before its own. */
export type Placed<Call> = readonly [call: Call, ahead: number]

export interface Queues<Call extends Waiting> {
  size(kind?: Kind): number
  /** Puts a call where it belongs. */
  add(call: Call): void
  /** Takes it out, wherever it stands. */
  remove(call: Call): void
  /** Takes out the call whose turn it is. @param open kinds of which one may go now */
  next(open: (kind: Kind) => boolean): Call | undefined
  /** How many turns come before that of a call. */
  ahead(call: Call): number
  /** All of a kind, in order within each address. */
  all(kind: Kind): Placed<Call>[]
  /** Those of its own address that wait behind a call. */
  behind(call: Call): Placed<Call>[]
}

/**
 * Calls of one address, those first that wait the shortest. A Map keeps the order in which addresses have their turns.
 */
type Queue<Call> = Map<string, Call[]>

interface KindQueue<Call> {
  /** Those that have begun, and the others. */
  queues: readonly [Queue<Call>, Queue<Call>]
  size: number
  /** Turns that it is owed; see `next`. */
  credit: number
}

export function createQueues<Call extends Waiting>(): Queues<Call> {
  const empty = (): KindQueue<Call> => ({ queues: [new Map(), new Map()], size: 0, credit: 0 })
  const byKind: Record<Kind, KindQueue<Call>> = {
    verified: empty(),
    unverified: empty(),
    password: empty(),
    anonymous: empty(),
  }
  const queueOf = ({ kind, begun }: Waiting) => byKind[kind].queues[begun ? 0 : 1]
  const drop = (call: Call, at: number) => {
    const queue = queueOf(call)
    const calls = queue.get(call.callers.address)
    calls?.splice(at, 1)
    if (calls?.length === 0) queue.delete(call.callers.address)
    const ofKind = byKind[call.kind]
    ofKind.size -= 1
    if (ofKind.size === 0) ofKind.credit = 0
  }

  /** Turns that come before the one at `index` of its address. */
  const turnsBefore = ({ kind, begun, callers }: Call, index: number) => {
    const ofKind = byKind[kind]
    let own = index
    if (!begun) for (const calls of ofKind.queues[0].values()) own += calls.length
    for (const [address, calls] of ofKind.queues[begun ? 0 : 1]) {
      if (address !== callers.address) own += Math.min(calls.length, index + 1)
    }
    let others = 0
    for (const other of kinds) {
      if (other === kind) continue
      others += Math.min(byKind[other].size, Math.ceil(((own + 1) * shares[other]) / shares[kind]))
    }
    return own + others
  }
  const indexOf = (call: Call) => queueOf(call).get(call.callers.address)?.indexOf(call) ?? -1

  return {
    size: (kind) => (kind ? byKind[kind].size : kinds.reduce((sum, each) => sum + byKind[each].size, 0)),
    add: (call) => {
      const queue = queueOf(call)
      const { address } = call.callers
      const calls = queue.get(address) ?? []
      if (calls.length === 0) queue.set(address, calls)
      const untilMs = call.callers.untilMs()
      let at = calls.length
      while (at > 0 && (calls[at - 1]?.callers.untilMs() ?? 0) > untilMs) at -= 1
      calls.splice(at, 0, call)
      byKind[call.kind].size += 1
    },
    remove: (call) => {
      const at = indexOf(call)
      if (at >= 0) drop(call, at)
    },
    // Smooth weighted round robin, as nginx has it: a queue gets its share each time, and who has a turn pays for all.
    next: (open) => {
      let chosen: Kind | undefined
      let paid = 0
      for (const kind of kinds) {
        if (byKind[kind].size === 0 || !open(kind)) continue
        byKind[kind].credit += shares[kind]
        paid += shares[kind]
        if (chosen === undefined || byKind[kind].credit > byKind[chosen].credit) chosen = kind
      }
      if (chosen === undefined) return undefined
      byKind[chosen].credit -= paid
      const queue = byKind[chosen].queues.find(({ size }) => size > 0)
      const [address, calls] = queue?.entries().next().value ?? []
      const call = calls?.[0]
      if (queue === undefined || address === undefined || calls === undefined || call === undefined) return undefined
      // To the end of the order: the other addresses go first now.
      queue.delete(address)
      queue.set(address, calls)
      drop(call, 0)
      return call
    },
    ahead: (call) => turnsBefore(call, indexOf(call)),
    all: (kind) =>
      byKind[kind].queues.flatMap((queue) =>
        [...queue.values()].flatMap((calls) =>
          calls.map((call, index): Placed<Call> => [call, turnsBefore(call, index)]),
        ),
      ),
    behind: (call) => {
      const at = indexOf(call)
      const calls = queueOf(call).get(call.callers.address) ?? []
      return calls.slice(at + 1).map((other, index): Placed<Call> => [other, turnsBefore(other, at + 1 + index)])
    },
  }
}
