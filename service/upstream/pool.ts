/**
 * Pooled connections to one server, by undici.
 *
 * Only the modules that this takes are imported: the whole library (fetch, WebSocket, mocks, caches) would be
 * half of the bundle and of the time that the process needs to start.
 */
import type { Dispatcher } from 'undici'
import request from 'undici/lib/api/api-request.js'
import Pool from 'undici/lib/dispatcher/pool.js'
import type { Limits } from '../limits.ts'
import { createProxied, type Proxies } from './proxies.ts'

/** What a caller may do with the connections. */
export interface Connections {
  request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>
  /** Closes all, those in use too. */
  destroy(): Promise<void>
}

/** Makes the pool; certificates are verified, against NODE_EXTRA_CA_CERTS too. */
export function createConnections(origin: string, limits: Limits, proxies?: Proxies): Connections {
  const options = {
    // One more for a look, which makes nothing and must not wait for calls.
    connections: limits.upstreamConnections + 1,
    connect: { timeout: limits.upstreamConnectMs },
    headersTimeout: limits.upstreamHeadersMs,
    bodyTimeout: limits.upstreamBodyMs,
    keepAliveTimeout: limits.upstreamKeepAliveMs,
    // One request a connection: with HTTP/2 one broken connection would break many exchanges, some of them answered.
    allowH2: false,
  }
  const pool = proxies
    ? createProxied(proxies, { ...options, connectTimeout: limits.upstreamConnectMs })
    : new Pool(origin, options)
  return { request: (options) => request.call(pool, options), destroy: () => pool.destroy() }
}
