/** Whose `X-Forwarded-*` headers count. */
import { BlockList, isIPv6 } from 'node:net'
import { isSince } from './version.ts'

/** authentik's default of `AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS`: loopback and private networks. */
export const DEFAULT_TRUSTED_PROXIES: readonly string[] = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fe80::/10',
  '::1/128',
]

/** Whether the address of a connection is that of a trusted proxy. */
export type TrustsProxy = (address: string) => boolean

/** From 2026.5 on only the proxies of the list are believed; before, whoever sent such a header. */
export function trustedProxies(networks: readonly string[], version: string): TrustsProxy {
  if (!isSince('2026.5', version)) return () => true
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4')
  }
  return (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** The headers of a request without those that only a trusted proxy may write. */
export const withoutForwarded = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-forwarded-')))
