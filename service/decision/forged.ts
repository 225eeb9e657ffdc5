/** Refuses tokens whose signature is not that of a key of their issuer, before authentik is asked. */
import { TokenError } from '../errors.ts'
import type { Exchange } from '../upstream/exchange.ts'
import type { Advice } from './advice.ts'
import type { CheckSignature } from './signature.ts'

export interface ForgeryDependencies {
  advice: Advice
  /** Signatures of CI tokens, by issuer. */
  issuers: CheckSignature
  /** Signatures of sessions: by the key that the stack made, whatever issuer they name. */
  sessions: CheckSignature
}

/** The name under which the stack's own key stands in `sessions`. */
export const OWN_KEY = 'the stack'

/** @returns an exchange that throws TokenError `signature_invalid` or `key_unknown` */
export function refuseForged(exchange: Exchange, { advice, issuers, sessions }: ForgeryDependencies): Exchange {
  return async (request) => {
    const { credential } = request
    const check = advice(credential)?.check
    if (credential.kind === 'password' || !check?.ok) return exchange(request)
    const token = credential.jwt.reveal()
    const verdict =
      check.kind === 'session' ? await sessions(OWN_KEY, token) : await issuers(check.source.issuer, token)
    if (verdict === 'good' || verdict === 'unchecked') return exchange(request)
    const who = check.kind === 'session' ? 'this registry' : check.source.issuer
    const what = {
      signature_invalid: `its signature is not by the key of ${who} that it names`,
      key_unknown: `${who} has no key of the id that it names`,
    }[verdict]
    throw new TokenError(
      verdict,
      `The ${check.kind === 'session' ? 'session' : 'CI token'} is refused: ${what}; get a new one, unchanged`,
    )
  }
}
