/** Key ids in the configuration that authentik could not tell apart. */

import { keyMaterial, type PublicKey } from '../decision/key-material.ts'
import { quote } from '../decision/quote.ts'
import type { Finding } from './findings.ts'
import type { TrustSource } from './source-schema.ts'

/**
 * One `kid` with two different keys: a token names its key only by `kid`, so it would be unclear which of them signed
 * it, and every such token is refused. Two sources may share a key: the issuer says which source a token comes from,
 * and an enterprise's issuer shares the keys of its platform.
 *
 * This checks keys in the configuration. The token service reports clashes of keys behind a URL.
 */
export function keyClashes(sources: readonly TrustSource[]): Finding[] {
  const seen = new Map<string, { slug: string; material: string }>()
  const findings: Finding[] = []
  for (const { slug, keys } of sources) {
    if (!('jwks' in keys)) continue
    for (const key of keys.jwks.keys as readonly PublicKey[]) {
      const kid = String(key.kid)
      const material = keyMaterial(key) ?? 'unreadable'
      const earlier = seen.get(kid)
      if (earlier === undefined) seen.set(kid, { slug, material })
      else if (earlier.material !== material) {
        const where = earlier.slug === slug ? `source ${quote(slug)}` : `${quote(earlier.slug)} and ${quote(slug)}`
        const wrong = `the key id ${quote(kid)} names two different keys, in ${where}`
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
