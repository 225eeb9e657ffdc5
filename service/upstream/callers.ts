/** Who waits for a call to authentik: it is worth a place as long as one of them does. */
import { TokenError } from '../errors.ts'

/** The client behind a request. */
export interface Caller {
  /** Whose turns it shares: the client's address, or one text for all where addresses are not known. */
  readonly address: string
  /** Milliseconds, of the clock for durations, until which it waits for an answer. */
  readonly untilMs: number
  /** Whether it has a part of its answer already, and waits for the rest. */
  begun: boolean
  /** Calls back once if the client hangs up. @returns ends the listening */
  whenGone(listener: () => void): () => void
}

/** All that wait for the answer of one call. */
export interface Callers {
  readonly address: string
  /** The longest that one of them waits. */
  untilMs(): number
  /** Whether one of them has a part of its answer already. */
  begun(): boolean
  /** Whether all have hung up. */
  gone(): boolean
  /** Whether the call was given up for that, so that whoever asks the same now needs another one. */
  dropped: boolean
  /** Called when all have hung up; undefined where nothing is to be done then. */
  onGone: (() => void) | undefined
  join(caller: Caller | undefined): void
  leave(): void
}

/** For the log alone: whoever hung up reads nothing. */
export function clientGone(): TokenError {
  return new TokenError('client_gone', 'The client hung up before it had its answer')
}

/** @param first undefined for a question that is the service's own: it waits as long as it takes */
export function createCallers(first: Caller | undefined): Callers {
  let count = 1
  let untilMs = first?.untilMs ?? Number.POSITIVE_INFINITY
  let begun = first?.begun ?? false
  const callers: Callers = {
    address: first?.address ?? '',
    untilMs: () => untilMs,
    begun: () => begun,
    gone: () => count === 0,
    dropped: false,
    onGone: undefined,
    join: (caller) => {
      count += 1
      untilMs = Math.max(untilMs, caller?.untilMs ?? Number.POSITIVE_INFINITY)
      begun ||= caller?.begun ?? false
    },
    leave: () => {
      count -= 1
      if (count === 0) callers.onGone?.()
    },
  }
  return callers
}
