/** Variables by which a container finds its way out: certificates of its own, and a proxy. */

export interface OutwardCalls {
  /** More certificate authorities that calls trust, PEM; undefined: only the public ones. */
  caBundle: string | undefined
  /** The proxy for calls, and the hosts that are called directly. */
  proxy: { url: string; except: string } | undefined
}

/** What Node.js and Go read alike. */
export function proxyVariables({ proxy }: Pick<OutwardCalls, 'proxy'>) {
  if (proxy === undefined) return []
  return [
    { name: 'HTTP_PROXY', value: proxy.url },
    { name: 'HTTPS_PROXY', value: proxy.url },
    { name: 'NO_PROXY', value: proxy.except },
  ]
}
