/** Asks authentik, at no cost to it, whether it is there and which keys it signs with. */
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
  const signal = AbortSignal.timeout(limits.upstreamConnectMs)
  return ask(url, connections, limits, signal)
}

const silent: Health = { answered: false }

async function ask(
  url: URL,
  connections: Connections,
  limits: Pick<Limits, 'jwksBytes'>,
  signal: AbortSignal,
): Promise<Health> {
  try {
    const answer = await connections.request({
      path: url.pathname + url.search,
      method: 'GET',
      headers: { accept: 'application/json', 'user-agent': 'passwordless-registry' },
      signal,
    })
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const piece of answer.body) {
      bytes += piece.length
      if (bytes > limits.jwksBytes) break
      pieces.push(piece)
    }
    if (answer.statusCode >= 500) return silent
    const keys = answer.statusCode === 200 ? parseKeySet(Buffer.concat(pieces).toString('utf8')) : undefined
    const keyIds = keys?.keys.flatMap(({ kid, use }) => (typeof kid === 'string' && use !== 'enc' ? [kid] : []))
    return { answered: true, ...(keyIds ? { keyIds } : {}) }
  } catch {
    return silent
  }
}
