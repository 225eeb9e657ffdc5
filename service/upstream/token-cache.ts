/**
 * Saves calls: what authentik answered is used again, and whoever asks the same while a call is under way shares it.
 * What is kept, for how long and why is the table "Calls to authentik" in the README of the service.
 */
import { isSession } from '../decision/access.ts'
import { type FailureReason, TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { createRemembered } from '../remembered.ts'
import type { Presented } from '../request/presented.ts'
import { type Callers, clientGone, createCallers } from './callers.ts'
import type { Exchange, ExchangeRequest, IssuedToken } from './exchange.ts'
import { refuseSlowly } from './slow-refusal.ts'

/** Where an answer came from; of the misses, the signature check, the queue or the breaker may have stopped some. */
export const lookupResults = ['miss', 'hit', 'shared', 'negative'] as const
export type LookupResult = (typeof lookupResults)[number]

export interface TokenCacheDependencies {
  limits: Pick<
    Limits,
    | 'cacheMs'
    | 'sessionCacheMs'
    | 'cacheEntries'
    | 'cacheBytes'
    | 'tokenMarginMs'
    | 'credentialMarginMs'
    | 'refusalMs'
    | 'refusalEntries'
    | 'slowRefusalMs'
  >
  /** Milliseconds since 1970. */
  now: () => number
  count: (result: LookupResult) => void
  /** Called before authentik is asked. @throws TokenError `rate_limited` where this credential asks too often */
  admit: (credentialKey: string) => void
  /** Whether a token is a session that was revoked since it was made. */
  isRevoked: (issued: IssuedToken) => boolean
}

export interface TokenCache {
  /**
   * Puts the cache in front of an exchange.
   * @param purpose tells exchanges of different kinds of token apart, `registry` or `session`
   */
  remember(exchange: Exchange, purpose: string): Exchange
  entries(): number
  bytes(): number
}

/** A call, and who waits for it. */
interface SharedCall {
  readonly answer: Promise<IssuedToken>
  readonly callers: Callers
}

type Reusable = IssuedToken & { reusableUntilMs: number }

/** Only what authentik said about this very request; outages are not remembered. */
const lasting: ReadonlySet<FailureReason> = new Set([
  'credentials_refused',
  'key_ambiguous',
  'key_refused',
  'subject_too_long',
])

/** What an entry costs beside its texts: the entry, the token object, the access list; measured on Node 24. */
const ENTRY_OVERHEAD_BYTES = 800

export function createTokenCache({ limits, now, count, admit, isRevoked }: TokenCacheDependencies): TokenCache {
  const tokens = createRemembered<Reusable>(
    {
      entries: limits.cacheEntries,
      bytes: {
        most: limits.cacheBytes,
        of: ({ token }, key) => ENTRY_OVERHEAD_BYTES + key.length + token.reveal().length,
      },
    },
    now,
  )
  const refusals = createRemembered<TokenError>({ entries: limits.refusalEntries }, now)
  const underWay = new Map<string, SharedCall>()

  /** Both what a session opens, and the session itself: whoever logs in again needs one that is still valid. */
  const reuseMs = ({ credential }: ExchangeRequest, { session }: IssuedToken) =>
    session !== undefined || isSession(credential.token)
      ? Math.min(limits.cacheMs, limits.sessionCacheMs)
      : limits.cacheMs
  const keep = (key: string, request: ExchangeRequest, issued: IssuedToken) => {
    const ends = issued.issuedAtMs + issued.expiresInSeconds * 1000 - limits.tokenMarginMs
    const credentialEnds = endOf(request.credential) - limits.credentialMarginMs
    const reusableUntilMs = Math.min(issued.issuedAtMs + reuseMs(request, issued), ends, credentialEnds)
    if (reusableUntilMs <= now()) return issued
    const reusable = { ...issued, reusableUntilMs }
    tokens.set(key, reusable, reusableUntilMs)
    return reusable
  }
  const keepRefusal = (key: string, error: unknown) => {
    if (!(error instanceof TokenError) || !lasting.has(error.reason)) return
    refusals.set(key, error, now() + limits.refusalMs)
  }

  const remember: TokenCache['remember'] = (exchange, purpose) => {
    const ask = async (key: string, request: ExchangeRequest) => {
      try {
        const issued = await exchange(request)
        return keep(key, request, issued)
      } catch (error) {
        keepRefusal(key, error)
        throw error
      } finally {
        // Not the call of somebody who came after all of this one had hung up.
        if (underWay.get(key)?.callers === request.callers) underWay.delete(key)
      }
    }
    const begin = (key: string, { caller, ...request }: ExchangeRequest): SharedCall => {
      const callers = createCallers(caller)
      const call = { callers, answer: ask(key, { ...request, callers }) }
      underWay.set(key, call)
      return call
    }
    const answerFor: Exchange = async (request) => {
      const credentialKey = request.credential.key
      const key = `${purpose} ${credentialKey} ${sorted(request.scopes)}`
      const known = tokens.get(key)
      if (known !== undefined && !isRevoked(known)) {
        count('hit')
        return known
      }
      const refused = refusals.get(key)
      if (refused !== undefined) {
        count('negative')
        if (request.credential.kind === 'password') return refuseSlowly(refused, limits.slowRefusalMs)
        throw refused
      }
      const begun = underWay.get(key)
      if (begun !== undefined && !begun.callers.dropped) {
        count('shared')
        begun.callers.join(request.caller)
        return answerOf(begun, request)
      }
      admit(credentialKey)
      count('miss')
      return answerOf(begin(key, request), request)
    }
    return async (request) => {
      const issued = await answerFor(request)
      if (request.caller) request.caller.begun = true
      return issued
    }
  }
  return { remember, entries: tokens.entries, bytes: tokens.bytes }
}

/** Of a call, as long as the client waits: whoever hung up no longer has a claim to a place. */
function answerOf({ answer, callers }: SharedCall, { caller }: ExchangeRequest): Promise<IssuedToken> {
  if (caller === undefined) return answer
  return new Promise((resolve, reject) => {
    const stop = caller.whenGone(() => {
      callers.leave()
      reject(clientGone())
    })
    answer.then(resolve, reject).finally(stop)
  })
}

/** Milliseconds since 1970; never for what does not say. */
function endOf({ token }: Presented): number {
  const expiry = token?.claims.exp
  return typeof expiry === 'number' ? expiry * 1000 : Number.POSITIVE_INFINITY
}

function sorted(scopes: readonly string[]): string {
  return scopes.length < 2 ? (scopes[0] ?? '') : scopes.toSorted().join(' ')
}
