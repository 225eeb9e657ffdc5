/**
 * Public keys by what they are made of. Several issuers may publish one key, as those of an enterprise share GitHub's;
 * two keys under one key id leave open whose token it is, since authentik does not say which key fitted.
 * infra/authentik/expressions/trust.py decides the same; a differential test holds the two equal.
 */

/** A public key as a key set has it (RFC 7517); whatever it says beside its material does not matter here. */
export type PublicKey = Readonly<Record<string, unknown>>

/** What makes a key the key that it is (RFC 7638 section 3.2, RFC 8037 section 2). */
const members: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['RSA', ['n', 'e']],
  ['EC', ['crv', 'x', 'y']],
  ['OKP', ['crv', 'x']],
])

/**
 * Whether sources hold different keys under a key id, or keys that cannot be compared.
 *
 * @param keySets the keys of each source
 */
export function keysConflict(keyId: string, keySets: readonly (readonly PublicKey[])[]): boolean {
  const holders = keySets.filter((keys) => keys.some(({ kid }) => kid === keyId))
  if (holders.length < 2) return false
  // authentik also tries the keys without a key id, of every source that holds the one that the token names.
  const tried = holders.flat().filter(({ kid }) => !kid || kid === keyId)
  const materials = new Set(tried.map(keyMaterial))
  return materials.size > 1 || materials.has(undefined)
}

/** The material as text; undefined where it is not all there. */
export function keyMaterial(key: PublicKey): string | undefined {
  const values = members.get(key.kty)?.map((member) => key[member])
  if (!values?.every((value) => typeof value === 'string' && value !== '')) return undefined
  // Some publishers pad their base64url.
  return JSON.stringify([key.kty, ...values.map((value) => String(value).replace(/=+$/, ''))])
}
