/**
 * Proxies on the way out, by the variables that every program knows. Whatever the service fetches goes through them:
 * calls to authentik, keys of issuers, traces.
 */
import { Readable } from 'node:stream'
import type { Dispatcher, EnvHttpProxyAgent as ProxyAgent } from 'undici'
import connect from 'undici/lib/api/api-connect.js'
import request from 'undici/lib/api/api-request.js'
import EnvHttpProxyAgent from 'undici/lib/dispatcher/env-http-proxy-agent.js'
import Pool from 'undici/lib/dispatcher/pool.js'
import { Secret } from '../secret.ts'

/** Which proxy serves which addresses; at least one is there. */
export interface Proxies {
  /** For http addresses, and for https ones too where there is no other. With credentials, perhaps. */
  http: Secret | undefined
  /** For https addresses. */
  https: Secret | undefined
  /** Hosts that are reached without, between commas. */
  noProxy: string
}

/** The variables, in the spelling that is documented; curl reads the lower one first, and so does this. */
export const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'] as const

/** @returns undefined where no proxy is named */
export function proxiesFrom(
  given: Partial<Record<(typeof proxyVariables)[number], string | undefined>>,
): Proxies | undefined {
  const { HTTP_PROXY: http, HTTPS_PROXY: https, NO_PROXY: noProxy = '' } = given
  if (!http && !https) return undefined
  return { http: http ? new Secret(http) : undefined, https: https ? new Secret(https) : undefined, noProxy }
}

/** Connections by way of the proxies, or without where they do not serve an address. */
export function createProxied(proxies: Proxies, options: ProxyAgent.Options): Dispatcher {
  // An empty text, where undici would look at the environment itself.
  const [httpProxy, httpsProxy] = [proxies.http?.reveal() ?? '', proxies.https?.reveal() ?? '']
  const { noProxy } = proxies
  return new EnvHttpProxyAgent({ ...options, httpProxy, httpsProxy, noProxy, clientFactory })
}

/** undici's index gives every dispatcher its methods; we do not import that. A proxy is only asked to connect. */
function clientFactory(proxy: URL, options: object): Dispatcher {
  return Object.assign(new Pool(proxy.origin, options), { connect })
}

/** `fetch` of Node, as far as keys need it, by way of the proxies. */
export function createProxiedFetch(proxies: Proxies, connectMs: number): typeof fetch {
  const dispatcher = createProxied(proxies, { connectTimeout: connectMs, connect: { timeout: connectMs } })
  return async (address, { headers, signal } = {}) => {
    const { origin, pathname, search } = new URL(String(address))
    const answer = await request.call(dispatcher, {
      origin,
      path: pathname + search,
      method: 'GET',
      headers: Object.fromEntries(new Headers(headers)),
      ...(signal ? { signal } : {}),
    })
    return new Response(Readable.toWeb(answer.body) as ReadableStream, { status: answer.statusCode })
  }
}

/** The same for an agent of Node's own; of a proxy for http it would make none for https. */
export function proxyEnvironment({ http, https = http, noProxy }: Proxies): Record<string, string> {
  return {
    ...(http === undefined ? {} : { HTTP_PROXY: http.reveal() }),
    ...(https === undefined ? {} : { HTTPS_PROXY: https.reveal() }),
    NO_PROXY: noProxy,
  }
}
