/** Key sets in the configuration that authentik could not tell apart. */

import { keyMaterial, type PublicKey } from '../decision/key-material.ts'
import { quote } from '../decision/quote.ts'
import type { Finding } from './findings.ts'
import type { TrustSource } from './source-schema.ts'

/**
 * One `kid` with two different keys: a token names its key by `kid` alone, so nothing would say which of them signed, and
 * every token with it is refused. The same key in two sources is fine: the issuer says which source a token is of, and
 * an enterprise's issuer shares the keys of its platform.
 *
 * Only keys that stand in the configuration are seen here. Of those behind a URL the token service tells.
 */
export function keyClashes(sources: readonly TrustSource[]): Finding[] {
  const seen = new Map<string, { slug: string; material: string }>()
  const findings: Finding[] = []
  for (const { slug, keys } of sources) {
    if (!('jwks' in keys)) continue
    for (const key of keys.jwks.keys as readonly PublicKey[]) {
      const kid = String(key.kid)
      const material = keyMaterial(key) ?? 'not understood'
      const earlier = seen.get(kid)
      if (earlier === undefined) seen.set(kid, { slug, material })
      else if (earlier.material !== material) {
        const where = earlier.slug === slug ? `source ${quote(slug)}` : `${quote(earlier.slug)} and ${quote(slug)}`
        const wrong = `the key id ${quote(kid)} stands for two different keys, in ${where}`
        findings.push({
          severity: 'error',
          code: 'source-keys',
          field: 'sources',
          wrong,
          example: 'one kid for each key',
        })
      }
    }
  }
  return findings
}
