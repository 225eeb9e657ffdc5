/** Refuses tokens whose signature is not that of a key of their issuer, before authentik is asked. */
import { quote } from '../../trust/decision/quote.ts'
import { TokenError } from '../errors.ts'
import type { Exchange, ExchangeRequest, IssuedToken } from '../upstream/exchange.ts'
import type { FindKeyConflict } from './key-conflicts.ts'
import type { RefusedKeys } from './refused-keys.ts'
import type { CheckSignature } from './signature.ts'

export interface SignatureCheckDependencies {
  /** Signatures of CI tokens, by issuer. */
  issuers: CheckSignature
  /** Signatures of sessions: by the key that the stack made, whatever issuer they name. */
  sessions: CheckSignature
  /** Learns what authentik does with tokens whose signature is valid. */
  keys: RefusedKeys
  /** Asked about the key of a token with a valid signature that authentik refused. */
  keyConflict: FindKeyConflict
}

/** The name of the stack's own key in `sessions`. */
export const OWN_KEY = 'the stack'

/**
 * @returns an exchange that throws TokenError `signature_invalid` or `key_unknown`, and where authentik refuses a token
 *   whose key the issuer publishes, `key_ambiguous` if another issuer publishes another under its id, or `key_refused`
 */
export function checkSignatures(
  exchange: Exchange,
  { issuers, sessions, keys, keyConflict }: SignatureCheckDependencies,
): Exchange {
  return async (request) => {
    const { credential } = request
    const { advised } = credential
    const check = advised?.check
    if (credential.kind === 'password' || !check?.ok) return exchange(request)
    const token = credential.jwt.reveal()
    const verdict =
      check.kind === 'session' ? await sessions(OWN_KEY, token) : await issuers(check.source.issuer, token)
    if (verdict === 'unchecked') return exchange(request)
    if (verdict === 'good') {
      const verified = { ...request, verified: true }
      // One that has just expired: authentik refuses it for that.
      const live = advised?.endedSeconds === 0
      if (check.kind !== 'ci' || !live) return exchange(verified)
      return watchKey(exchange, verified, { issuer: check.source.issuer, keys, keyConflict })
    }
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

/**
 * Exchanges a token with a valid signature, and tells a key that authentik does not have from a token that it refuses.
 */
async function watchKey(
  exchange: Exchange,
  request: ExchangeRequest,
  { issuer, keys, keyConflict }: { issuer: string } & Pick<SignatureCheckDependencies, 'keys' | 'keyConflict'>,
): Promise<IssuedToken> {
  const keyId = String(request.credential.token?.header.kid)
  try {
    const issued = await exchange(request)
    keys.taken(issuer, keyId)
    return issued
  } catch (error) {
    if (!(error instanceof TokenError) || error.reason !== 'credentials_refused') throw error
    const publishers = await keyConflict(keyId)
    if (publishers.length > 0) {
      throw new TokenError('key_ambiguous', keyAmbiguousSentence(publishers, keyId), error.facts)
    }
    if (!keys.refused(issuer, keyId)) throw error
    throw new TokenError('key_refused', keyRefusedSentence(issuer, keyId), error.facts)
  }
}

function keyAmbiguousSentence(publishers: readonly string[], keyId: string): string {
  return (
    `authentik refused the CI token: ${publishers.join(' and ')} publish different keys under the key id ` +
    `${quote(keyId)}, so it may be a token of either. Tell the operator that one of them needs another key id, or has ` +
    'to leave the sources'
  )
}

/** The task's own words, from authentik's source (`update_well_known_jwks`), and where its documentation has it run. */
const TASK = "Update OAuth sources' config from well_known, and JWKS info from the configured URL"

function keyRefusedSentence(issuer: string, keyId: string): string {
  return (
    `authentik refused the CI token, and has not yet accepted any that is signed with the key ${quote(keyId)} of ${issuer}: ` +
    'it fetches the keys of issuers every 3 hours. Tell the operator to run the task now, in the admin interface under ' +
    `Dashboards, System Tasks, Schedules: "${TASK}". If that does not help, the user was deactivated or authentik has ` +
    'other rules'
  )
}
