/**
 * Proxies for outgoing calls, from the usual variables. Whatever the service fetches goes through them:
 * calls to authentik, keys of issuers, traces.
 */
import http from 'node:http'
import https from 'node:https'
import { Readable } from 'node:stream'
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

/** `fetch` of Node, as far as keys need it, by way of the proxies. */
export function createProxiedFetch(proxies: Proxies): typeof fetch {
  const proxyEnv = proxyEnvironment(proxies)
  const agents = { http: new http.Agent({ proxyEnv }), https: new https.Agent({ proxyEnv }) }
  return (address, { headers, signal } = {}) => {
    const url = new URL(String(address))
    const [client, agent] = url.protocol === 'https:' ? [https, agents.https] : [http, agents.http]
    const options = { agent, headers: Object.fromEntries(new Headers(headers)), ...(signal ? { signal } : {}) }
    return new Promise((resolve, reject) => {
      const answered = (answer: http.IncomingMessage) => {
        const { statusCode: status = 0 } = answer
        // As `redirect: 'error'` of the other fetch has it: keys are where the operator said.
        if (status >= 300 && status < 400) reject(new Error('the keys are elsewhere'))
        else resolve(new Response(Readable.toWeb(answer) as ReadableStream, { status }))
      }
      client.get(url, options, answered).on('error', reject)
    })
  }
}

/** The same for an agent of Node's own; of a proxy for http it would make none for https. */
export function proxyEnvironment({ http, https = http, noProxy }: Proxies): Record<string, string> {
  return {
    ...(http === undefined ? {} : { HTTP_PROXY: http.reveal() }),
    ...(https === undefined ? {} : { HTTPS_PROXY: https.reveal() }),
    NO_PROXY: withSubdomains(noProxy),
  }
}

/** A name also stands for what is below it, as curl has it; for Node it would stand for itself alone. */
function withSubdomains(noProxy: string): string {
  const hosts = noProxy.split(',').map((host) => host.trim())
  return hosts.flatMap((host) => (/^[a-z]/i.test(host) ? [host, `.${host}`] : [host])).join(',')
}
