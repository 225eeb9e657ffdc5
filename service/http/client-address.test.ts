import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseProxies } from '../trusted-proxies.ts'
import { clientAddress, rateKey } from './client-address.ts'

const proxies = parseProxies('10.0.0.0/8, 192.0.2.1,fd00::/8') ?? { check: () => false }
const nobody = { check: () => false }

describe('clientAddress', () => {
  it.each<[string, string, string | undefined, string]>([
    ['a stranger who says nothing', '203.0.113.9', undefined, '203.0.113.9'],
    ['a stranger who says that he is another', '203.0.113.9', '198.51.100.7', '203.0.113.9'],
    ['a proxy that says nothing', '10.0.0.1', undefined, '10.0.0.1'],
    ['a proxy that says nothing much', '10.0.0.1', ' , ,', '10.0.0.1'],
    ['a proxy that names its client', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['a client that invents others before it', '10.0.0.1', '127.0.0.1, 198.51.100.7, 203.0.113.9', '203.0.113.9'],
    ['two proxies', '10.0.0.1', '198.51.100.7, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
    ['proxies all the way', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['a proxy that names nobody', '10.0.0.1', '203.0.113.9, unknown', '10.0.0.1'],
    ['a proxy behind which somebody writes nonsense', '10.0.0.1', '<script>, 10.0.0.2', '10.0.0.2'],
    ['an IPv4 address on an IPv6 socket', '::ffff:10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['an address with its port', '10.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
    ['an IPv6 address in brackets', 'fd00::1', '[2001:db8::1]', '2001:db8::1'],
    ['an IPv6 address in brackets with its port', 'fd00::1', '[2001:db8::1]:4711', '2001:db8::1'],
    ['an IPv6 address with a zone', '10.0.0.1', 'fe80::1%eth0', 'fe80::1%eth0'],
    ['a connection that is gone', '', '203.0.113.9', ''],
  ])('%s', (_, peer, header, expected) => expect(clientAddress(peer, header, proxies)).toBe(expected))

  const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('10.0.0.1', '10.9.9.9', '192.0.2.1', 'fd00::1'))
  const written = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.array(fc.oneof(address, fc.string({ maxLength: 10 })), { maxLength: 5 }).map((parts) => parts.join(', ')),
  )
  const isProxy = (of: string) => ['ipv4', 'ipv6'].some((family) => proxies.check(of, family as 'ipv4' | 'ipv6'))
  const stranger = address.filter((of) => !isProxy(of))

  it('is what the trusted proxy appended, whatever a client wrote before it', () => {
    fc.assert(
      fc.property(
        written,
        stranger,
        fc.array(fc.constantFrom('10.0.0.2', '192.0.2.1'), { maxLength: 3 }),
        (lies, client, between) => {
          const appended = [client, ...between].join(', ')
          const alone = clientAddress('10.0.0.1', appended, proxies)
          expect(clientAddress('10.0.0.1', `${lies}, ${appended}`, proxies)).toBe(alone)
          expect(clientAddress('10.0.0.1', `${lies},${appended}`, proxies)).toBe(alone)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('is the other end of the connection, whatever it writes, where no proxy is trusted', () => {
    fc.assert(
      fc.property(written, stranger, (lies, client) => {
        const alone = clientAddress(client, undefined, proxies)
        expect(clientAddress(client, lies, proxies)).toBe(alone)
        expect(clientAddress(client, lies, nobody)).toBe(alone)
      }),
    )
  })
})

describe('rateKey', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('counts %j as %j', (address, key) => expect(rateKey(address)).toBe(key))

  it('is one for a network of 64 bits, and another for any other', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16))
    const groups = (count: number) => fc.array(group, { minLength: count, maxLength: count })
    /** As `inet_ntop` writes it: the longest run of zeros left out, of which there may be one. */
    const short = (parts: string[]) => {
      const runs = parts.join(':').match(/(?:^|:)0(?::0)+(?=:|$)/g) ?? []
      const longest = runs.toSorted((one, other) => other.length - one.length)[0]
      if (longest === undefined) return parts.join(':')
      const [before = '', after = ''] = parts.join(':').split(longest, 2)
      return `${before}::${
        parts
          .join(':')
          .slice(before.length + longest.length)
          .replace(/^:/, '') || after
      }`
    }
    fc.assert(
      fc.property(groups(4), groups(4), groups(4), groups(4), (network, host, otherHost, otherNetwork) => {
        const key = rateKey([...network, ...host].join(':'))
        expect(rateKey([...network, ...otherHost].join(':'))).toBe(key)
        expect(rateKey(short([...network, ...host]))).toBe(key)
        expect(rateKey([...otherNetwork, ...host].join(':')) === key).toBe(network.join() === otherNetwork.join())
      }),
    )
  })
})
