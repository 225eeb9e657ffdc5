/**
 * The places in which calls to authentik are under way, and the queues in which the next ones wait.
 *
 * Waiting beats refusing: a call waits as long as its client does, and is refused at once only where its turn would
 * come too late for that. Clients do not come back after a 503, or come back too soon.
 */
import { type FailureReason, TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { type Callers, clientGone, createCallers } from './callers.ts'
import type { Call, ExchangeRequest } from './exchange.ts'
import { createInFlightLimit, type InFlightLimits } from './in-flight-limit.ts'
import { createPace } from './pace.ts'
import { createQueues, type Kind, kinds, type Placed, type Waiting } from './queues.ts'
import { refuseSlowly } from './slow-refusal.ts'

export interface Gate {
  /**
   * Puts the gate in front of calls; all share its places.
   * @param isExchange whether the time that a call takes says how fast authentik exchanges tokens
   */
  protect<Result>(call: Call<Result>, isExchange?: boolean): Call<Result>
  inFlight(): number
  /** How many may be under way now. */
  places(): number
  waiting(kind?: Kind): number
}

export type GateLimits = InFlightLimits &
  Pick<Limits, 'upstreamQueue' | 'upstreamTurnAwayMs' | 'upstreamTotalMs' | 'slowRefusalMs'>

/** A call that waits, and what becomes of it. */
interface WaitingCall extends Waiting {
  begin(): void
  fail(error: TokenError): void
}

/** A call under way. */
interface Begun {
  readonly kind: Kind
  readonly beganMs: number
  alone: boolean
}

/** Estimates are slightly wrong, and whoever is admitted should get an answer: so a wait counts as slightly longer. */
const SAFETY = 1.015

/** Milliseconds between two searches for calls that wait in vain: each goes through all queues. */
const TURN_AWAY_INTERVAL_MS = 100

/** Not answers of authentik's, so they say nothing about how fast it is. */
const unanswered: ReadonlySet<FailureReason> = new Set([
  'upstream_unreachable',
  'upstream_broken',
  'upstream_circuit_open',
  'client_gone',
  'internal',
])

/** @param now milliseconds, the clock of `Caller.untilMs` */
export function createGate(limits: GateLimits, now: () => number): Gate {
  const limit = createInFlightLimit(limits, now)
  const pace = createPace(now)
  const queues = createQueues<WaitingCall>()
  const underWay = new Set<Begun>()
  let verified = 0
  let turnedAwayMs = Number.NEGATIVE_INFINITY

  /** One place is for tokens that are verified: whatever the others do, one of these can always begin. */
  const isOpen = (kind: Kind): boolean => {
    const places = limit.places()
    if (kind === 'verified') return underWay.size < places || verified === 0
    return underWay.size < places && underWay.size - verified < Math.max(1, places - 1)
  }
  const isPaceKnown = () => !limit.searching() && pace.msPerCall() !== undefined
  /** Whether a call that so many turns come before would still be answered while its client waits. */
  const isInTime = ({ callers }: WaitingCall, ahead: number, safety = SAFETY) =>
    !isPaceKnown() || now() + pace.msUntil(underWay.size + ahead + 1) * safety <= callers.untilMs()

  const dispatch = () => {
    for (let call = queues.next(isOpen); call !== undefined; call = queues.next(isOpen)) {
      if (isInTime(call, 0, 1)) call.begin()
      else call.fail(tooLate())
    }
  }
  /** Refuses whoever has just come and would wait in vain, while that still helps. */
  const turnAway = () => {
    if (!isPaceKnown() || now() - turnedAwayMs < TURN_AWAY_INTERVAL_MS) return
    turnedAwayMs = now()
    const youngMs = now() - limits.upstreamTurnAwayMs
    for (const kind of kinds) {
      let turnedAway = 0
      for (const [call, ahead] of queues.all(kind)) {
        if (call.sinceMs < youngMs || isInTime(call, ahead - turnedAway)) continue
        turnedAway += 1
        queues.remove(call)
        call.fail(tooMany())
      }
    }
  }
  /** Whether it would take the turn of a call that waits already and would then be too late. */
  const pushesOut = (call: WaitingCall) => {
    const late = ([other, ahead]: Placed<WaitingCall>) => !isInTime(other, ahead) && isInTime(other, ahead - 1)
    return queues.behind(call).some(late)
  }

  const begin = (kind: Kind): Begun => {
    const [other] = underWay
    if (other !== undefined) other.alone = false
    const call = { kind, beganMs: now(), alone: other === undefined }
    underWay.add(call)
    if (kind === 'verified') verified += 1
    return call
  }
  const end = (call: Begun, outcome: FailureReason | undefined, isExchange = true) => {
    const ended = { ...call, wanted: queues.size() > 0 }
    underWay.delete(call)
    if (call.kind === 'verified') verified -= 1
    if (outcome === 'upstream_timeout') limit.timedOut(ended)
    else if (isExchange && (outcome === undefined || !unanswered.has(outcome))) {
      limit.answered(ended)
      pace.answered(queues.size() > 0)
      turnAway()
    }
    dispatch()
  }

  /**
   * authentik does not notice that a client hung up, and continues the exchange. So the place stays taken for about
   * as long as an exchange takes: whoever connects and hangs up causes authentik no more work than whoever waits.
   */
  const abandon = (call: Begun) => {
    const tookMs = now() - call.beganMs
    const leftMs = Math.min(limit.expectedMs(), limits.upstreamTotalMs) - tookMs
    setTimeout(end, Math.max(0, leftMs), call, 'client_gone').unref()
  }

  const refuse = (kind: Kind): Promise<never> => {
    if (kind === 'verified' || kind === 'unverified') throw tooMany()
    return refuseSlowly(tooMany(), limits.slowRefusalMs)
  }

  /** Waits for a place. @throws TokenError `upstream_busy` or `client_gone` */
  const enter = async (kind: Kind, begun: boolean, callers: Callers): Promise<Begun> => {
    const drop = () => {
      callers.dropped = true
      return clientGone()
    }
    if (callers.gone()) throw drop()
    if (queues.size(kind) === 0 && isOpen(kind)) return begin(kind)
    if (queues.size(kind) >= limits.upstreamQueue) return refuse(kind)
    const { promise, resolve, reject } = Promise.withResolvers<Begun>()
    let timer: NodeJS.Timeout
    const call: WaitingCall = {
      kind,
      begun,
      callers,
      sinceMs: now(),
      begin: () => resolve(begin(kind)),
      fail: reject,
    }
    const leave = (error: TokenError) => {
      queues.remove(call)
      reject(error)
    }
    // Whoever joins may wait longer than the first, so the time left is worked out again when the first has run out.
    const wait = () => {
      const leftMs = callers.untilMs() - now()
      if (leftMs <= 0) return leave(tooLate())
      if (leftMs < Number.POSITIVE_INFINITY) timer = setTimeout(wait, leftMs)
    }
    queues.add(call)
    if (!isInTime(call, queues.ahead(call)) || pushesOut(call)) {
      queues.remove(call)
      return refuse(kind)
    }
    wait()
    callers.onGone = () => leave(drop())
    return promise.finally(() => {
      clearTimeout(timer)
      callers.onGone = undefined
    })
  }

  return {
    inFlight: () => underWay.size,
    places: limit.places,
    waiting: queues.size,
    protect: (call, isExchange) => async (request) => {
      const callers = request.callers ?? createCallers(undefined)
      const begun = await enter(kindOf(request), hasBegun(request, callers), callers)
      const hangUp = new AbortController()
      callers.onGone = () => {
        callers.dropped = true
        hangUp.abort()
      }
      let outcome: FailureReason | undefined = 'internal'
      try {
        const answer = await call({ ...request, abandoned: hangUp.signal })
        outcome = undefined
        return answer
      } catch (error) {
        if (error instanceof TokenError) outcome = error.reason
        throw error
      } finally {
        callers.onGone = undefined
        if (outcome === 'client_gone') abandon(begun)
        else end(begun, outcome, isExchange)
      }
    },
  }
}

function kindOf({ credential, verified }: ExchangeRequest): Kind {
  if (credential.anonymous) return 'anonymous'
  if (credential.kind === 'password') return 'password'
  return verified ? 'verified' : 'unverified'
}

/** Whether a push or the rest of a login waits for it: without it, authentik's work so far was in vain. */
function hasBegun({ scopes, credential }: ExchangeRequest, callers: Callers): boolean {
  return scopes.length > 0 || credential.kind === 'session' || callers.begun()
}

function tooMany(): TokenError {
  return new TokenError(
    'upstream_busy',
    'More logins are under way than authentik can answer while this client waits; try again in a minute',
  )
}

function tooLate(): TokenError {
  return new TokenError('upstream_busy', 'This login has waited too long for its turn; try again in a minute')
}
