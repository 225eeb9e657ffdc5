/**
 * Key ids under which trusted issuers publish different keys. authentik's policy refuses every token that names one, as
 * it could be the token of either; this finds out whether that is why a token was refused.
 */
import { keysConflict, type PublicKey } from '../../trust/decision/key-material.ts'
import type { Limits } from '../limits.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { fetchKeySet } from './signature.ts'

/** @returns the issuers that publish different keys under the key id; none where they agree, or could not be asked */
export type FindKeyConflict = (keyId: string) => Promise<readonly string[]>

type KeyLimits = Pick<Limits, 'jwksCooldownMs' | 'jwksTimeoutMs' | 'jwksBytes'>
type KeySets = ReadonlyMap<string, readonly PublicKey[]>

/**
 * Makes the look-up. It asks all issuers, so it is only for refusals, and only once in a while.
 * @param now milliseconds
 */
export function createFindKeyConflict(
  issuers: ReadonlyMap<string, IssuerKeys>,
  limits: KeyLimits,
  now: () => number,
  fetchKeys?: typeof fetch,
): FindKeyConflict {
  let known: Promise<KeySets> | undefined
  let askAgainMs = Number.NEGATIVE_INFINITY
  return async (keyId) => {
    if (known === undefined || now() >= askAgainMs) {
      known = keySetsOf(issuers, limits, fetchKeys)
      askAgainMs = now() + limits.jwksCooldownMs
    }
    const keySets = await known
    const holders = [...keySets].filter(([, keys]) => keys.some(({ kid }) => kid === keyId))
    return keysConflict(keyId, [...keySets.values()]) ? holders.map(([issuer]) => issuer) : []
  }
}

async function keySetsOf(
  issuers: ReadonlyMap<string, IssuerKeys>,
  limits: KeyLimits,
  fetchKeys?: typeof fetch,
): Promise<KeySets> {
  const asked = [...issuers].map(
    async ([issuer, keys]) => [issuer, await fetchKeySet(keys, limits, fetchKeys)] as const,
  )
  const answered = (await Promise.allSettled(asked)).filter((result) => result.status === 'fulfilled')
  return new Map(answered.map(({ value }) => value))
}
