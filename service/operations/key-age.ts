/** When the keys were made that the registry trusts: their certificates say so, which the key set carries. */
import { X509Certificate } from 'node:crypto'
import type { JSONWebKeySet } from 'jose'

/**
 * @param keySet whose keys have their certificate in `x5c` (RFC 7517 section 4.7)
 * @returns Unix time in seconds of the oldest; undefined where no key says when it was made
 */
export function oldestKeySeconds(keySet: JSONWebKeySet | undefined): number | undefined {
  const times = (keySet?.keys ?? []).flatMap(({ x5c }) => madeSeconds(x5c?.[0]))
  return times.length === 0 ? undefined : Math.min(...times)
}

function madeSeconds(certificate: string | undefined): number[] {
  if (certificate === undefined) return []
  try {
    return [Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validFrom) / 1000]
  } catch {
    return []
  }
}
