/**
 * Keys that an issuer publishes and authentik does not accept yet: it fetches key sets only every three hours
 * (docs/observed-behaviour.md), so after a change of keys every job of that issuer is refused.
 *
 * A key counts as refused while authentik has refused a token signed with it and accepted none. Whose signature was not
 * verified here never gets this far, so nobody else's key ids are kept.
 */
import { LRUCache } from 'lru-cache'

export interface RefusedKeys {
  /** authentik has accepted a token of this key. */
  taken(issuer: string, keyId: string): void
  /** authentik has refused one. @returns whether it has never accepted one, as far as is known here */
  refused(issuer: string, keyId: string): boolean
  /** How many keys are refused now. */
  count(): number
}

/** Issuers publish a handful of keys and change them every few weeks. */
const KEYS_KEPT = 1_000

export function createRefusedKeys(): RefusedKeys {
  const takenKeys = new LRUCache<string, true>({ max: KEYS_KEPT })
  const refusedKeys = new LRUCache<string, true>({ max: KEYS_KEPT })
  const nameOf = (issuer: string, keyId: string) => `${issuer} ${keyId}`
  return {
    taken: (issuer, keyId) => {
      const name = nameOf(issuer, keyId)
      takenKeys.set(name, true)
      refusedKeys.delete(name)
    },
    refused: (issuer, keyId) => {
      const name = nameOf(issuer, keyId)
      if (takenKeys.get(name)) return false
      refusedKeys.set(name, true)
      return true
    },
    count: () => refusedKeys.size,
  }
}
