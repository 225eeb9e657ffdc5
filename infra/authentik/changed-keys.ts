/**
 * Keys that the stack itself brings to authentik, because authentik cannot fetch them: those of a cluster change when
 * the cluster rotates them, and authentik learns of it by `pulumi up` alone.
 */
import { keyMaterial, type PublicKey } from '../../trust/decision/key-material.ts'
import { quote } from '../../trust/decision/quote.ts'
import { authentikSourceSlug } from '../../trust/language/document.ts'
import type { TrustSource } from '../../trust/language/source-schema.ts'
import type { AuthentikApi } from './api.ts'

/** A warning for each source whose keys are no longer those that authentik has. A source that is new has none yet. */
export async function changedKeys(
  api: AuthentikApi,
  sources: readonly Pick<TrustSource, 'slug' | 'keys'>[],
): Promise<string[]> {
  const warnings = sources.map(async ({ slug, keys }) => {
    if (!('jwks' in keys)) return []
    const [stored] = await api.list('sources/oauth', { slug: authentikSourceSlug(slug) })
    const known = (stored?.oidc_jwks as { keys?: PublicKey[] } | null | undefined)?.keys
    return Array.isArray(known) ? difference(slug, known, keys.jwks.keys as PublicKey[]) : []
  })
  return (await Promise.all(warnings)).flat()
}

function difference(slug: string, known: readonly PublicKey[], current: readonly PublicKey[]): string[] {
  const missing = without(current, known)
  const left = without(known, current)
  if (missing.length + left.length === 0) return []
  const parts = [
    ...(missing.length > 0 ? [`does not know ${missing} yet, so it refuses tokens signed with it`] : []),
    ...(left.length > 0 ? [`still accepts ${left}`] : []),
  ]
  return [
    `The keys of source ${quote(slug)} have changed: authentik ${parts.join(', and ')}. \`pulumi up\` fetches the current keys.`,
  ]
}

/** Names of the keys that are not among the others. */
function without(keys: readonly PublicKey[], others: readonly PublicKey[]): string {
  const identity = (key: PublicKey) => `${key.kid} ${keyMaterial(key)}`
  const known = new Set(others.map(identity))
  return keys
    .filter((key) => !known.has(identity(key)))
    .map(({ kid }) => quote(kid))
    .join(', ')
}
