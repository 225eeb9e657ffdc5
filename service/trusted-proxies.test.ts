import { describe, expect, it } from 'vitest'
import { parseProxies } from './trusted-proxies.ts'

describe('parseProxies', () => {
  it.each<[string, 'ipv4' | 'ipv6', string[], string[]]>([
    ['10.0.0.0/8', 'ipv4', ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0']],
    ['192.0.2.1', 'ipv4', ['192.0.2.1'], ['192.0.2.0', '192.0.2.2']],
    ['0.0.0.0/0', 'ipv4', ['203.0.113.9'], []],
    ['fd00::/8', 'ipv6', ['fd00::1', 'fdff::'], ['fe00::', '::1']],
    ['::1', 'ipv6', ['::1', '0:0:0:0:0:0:0:1'], ['::2']],
  ])('reads %s', (text, family, within, without) => {
    const list = parseProxies(text)
    expect(within.map((address) => list?.check(address, family))).toEqual(within.map(() => true))
    expect(without.map((address) => list?.check(address, family))).toEqual(without.map(() => false))
  })

  it.each([
    '',
    ',',
    '10.0.0.0/8,',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '010.0.0.1',
    'fd00::/129',
    'fd00::/1e1',
    'proxy.example.com',
    '*',
    '[::1]',
    '10.0.0.1:80',
  ])('does not take %j for a list', (text) => expect(parseProxies(text)).toBeUndefined())
})
