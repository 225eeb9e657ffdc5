/**
 * Compares public keys by their material. Several issuers may publish one key, as enterprises share GitHub's keys. Two
 * keys with one key id leave it open whose token it is, since authentik does not say which key verified it.
 * infra/authentik/expressions/trust.py decides the same; a differential test compares the two.
 */

/** A public key as a key set has it (RFC 7517); only its material matters here. */
export type PublicKey = Readonly<Record<string, unknown>>

/** The members that make up the key (RFC 7638 section 3.2, RFC 8037 section 2). */
const members: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['RSA', ['n', 'e']],
  ['EC', ['crv', 'x', 'y']],
  ['OKP', ['crv', 'x']],
])

/**
 * Whether sources have different keys with one key id, or keys that cannot be compared.
 *
 * @param keySets the keys of each source
 */
export function keysConflict(keyId: string, keySets: readonly (readonly PublicKey[])[]): boolean {
  const holders = keySets.filter((keys) => keys.some(({ kid }) => kid === keyId))
  if (holders.length < 2) return false
  // In a source that has the key id of the token, authentik also tries the keys without an id.
  const tried = holders.flat().filter(({ kid }) => !kid || kid === keyId)
  const materials = new Set(tried.map(keyMaterial))
  return materials.size > 1 || materials.has(undefined)
}

/** The material as text; undefined if it is incomplete. */
export function keyMaterial(key: PublicKey): string | undefined {
  const values = members.get(key.kty)?.map((member) => key[member])
  if (!values?.every((value) => typeof value === 'string' && value !== '')) return undefined
  // Some publishers pad their base64url.
  return JSON.stringify([key.kty, ...values.map((value) => String(value).replace(/=+$/, ''))])
}
