/** Who asks, where a proxy stands in front: the address that the proxies we trust have seen. */
import { isIP } from 'node:net'
import { familyOf, type TrustedProxies } from '../trusted-proxies.ts'

/**
 * The client's address: of those that X-Forwarded-For lists, the last one that no trusted proxy has. What stands
 * further left was written by the client itself and proves nothing.
 * @param peer the address at the other end of the connection
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, proxies: TrustedProxies): string {
  let address = plain(peer)
  if (!isTrusted(address, proxies)) return address
  const listed = (forwardedFor ?? '').split(',').filter((entry) => entry.trim() !== '')
  while (isTrusted(address, proxies)) {
    const before = listed.pop()
    if (before === undefined) return address
    const next = plain(before.trim())
    if (isIP(next) === 0) return address
    address = next
  }
  return address
}

/** What one client can hold many of counts as one: an IPv6 network of 64 bits is what a single line is given. */
export function rateKey(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const filled =
    tail === undefined ? left : [...left, ...Array(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
  return `${filled.slice(0, 4).join(':')}::/64`
}

/** Without port, brackets, and the disguise of an IPv4 address on an IPv6 socket. */
function plain(text: string): string {
  if (isIP(text) === 4) return text
  const withPort = /^\[([^\]]+)\](?::\d+)?$/.exec(text) ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)
  const address = withPort?.[1] ?? text
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
}

function isTrusted(address: string, proxies: TrustedProxies): boolean {
  const family = familyOf(address)
  return family !== undefined && proxies.check(address, family)
}
