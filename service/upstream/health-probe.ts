/** Asks authentik, at almost no cost, whether it answers and which keys it signs with. */
import { parseKeySet } from '../decision/issuer-keys.ts'
import type { Limits } from '../limits.ts'
import type { Health } from '../operations/authentik-state.ts'
import type { Connections } from './pool.ts'

/**
 * @param url the key set that authentik publishes, or its token endpoint, which answers a GET with 405
 * @returns never throws: silence is an answer
 */
export async function probe(
  url: URL,
  connections: Connections,
  limits: Pick<Limits, 'upstreamConnectMs' | 'jwksBytes'>,
): Promise<Health> {
  try {
    const { statusCode, text = '' } = await connections.request({
      path: url.pathname + url.search,
      method: 'GET',
      headers: { accept: 'application/json', 'user-agent': 'passwordless-registry' },
      totalMs: limits.upstreamConnectMs,
      maxBytes: limits.jwksBytes,
    })
    if (statusCode >= 500) return silent
    const keys = statusCode === 200 ? parseKeySet(text) : undefined
    const keyIds = keys?.keys.flatMap(({ kid, use }) => (typeof kid === 'string' && use !== 'enc' ? [kid] : []))
    return { answered: true, ...(keyIds ? { keyIds } : {}) }
  } catch {
    return silent
  }
}

const silent: Health = { answered: false }
