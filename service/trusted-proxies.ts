/**
 * The list of proxies whose word for a client's address counts: read by the service, checked by the stack beforehand.
 */
import { BlockList, isIP } from 'node:net'

/** Addresses of proxies whose X-Forwarded-For counts. */
export type TrustedProxies = Pick<BlockList, 'check'>

/**
 * Reads a list of addresses and networks, `10.0.0.0/8,fd00::1`.
 * @returns undefined if an entry is neither
 */
export function parseProxies(text: string): BlockList | undefined {
  const list = new BlockList()
  for (const entry of text.split(',').map((part) => part.trim())) {
    const [address = '', length, ...more] = entry.split('/')
    const family = familyOf(address)
    if (family === undefined || more.length > 0) return undefined
    const bits = family === 'ipv4' ? 32 : 128
    const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN
    if (!(prefix <= bits)) return undefined
    list.addSubnet(address, prefix, family)
  }
  return list
}

/** Undefined for what is not an address. */
export function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address)
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6'
}
