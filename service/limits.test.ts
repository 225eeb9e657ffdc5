import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limitNames, limits, limitVariable, operatorLimits, readLimits } from './limits.ts'

const GREATEST = 2 ** 31 - 1

describe('limitVariable', () => {
  it.each([
    ['cacheMs', 'LIMIT_CACHE_MS'],
    ['upstreamConnections', 'LIMIT_UPSTREAM_CONNECTIONS'],
  ] as const)('calls %s %s', (name, variable) => expect(limitVariable(name)).toBe(variable))

  it('has another name for each limit', () => {
    expect(new Set(limitNames.map(limitVariable)).size).toBe(limitNames.length)
  })
})

describe('readLimits', () => {
  it('leaves all as it is where nothing is set, or only an empty text', () => {
    expect(readLimits({})).toEqual({ limits, mistakes: [] })
    expect(readLimits({ LIMIT_CACHE_MS: '', LIMIT_UNHEARD_OF: '1', CACHE_MS: '1' })).toEqual({ limits, mistakes: [] })
  })

  it.each(operatorLimits)('takes %s by its variable, and changes nothing else', (name) => {
    const value = limits[name] + 1
    expect(readLimits({ [limitVariable(name)]: String(value) })).toEqual({
      limits: { ...limits, [name]: value },
      mistakes: [],
    })
  })

  it('changes what it is given, not the defaults', () => {
    const usual = { ...limits, cacheMs: 7 }
    expect(readLimits({ LIMIT_DRAIN_MS: '1' }, usual).limits).toEqual({ ...usual, drainMs: 1 })
    expect(usual.drainMs).toBe(limits.drainMs)
  })

  it('takes 0 where it means something, and nowhere else', () => {
    const takesZero = operatorLimits.filter((name) => readLimits({ [limitVariable(name)]: '0' }).mistakes.length === 0)
    expect(takesZero).toEqual(['addressRate', 'lameDuckMs'])
  })

  it.each([
    '-1',
    '+1',
    '1.5',
    '1e3',
    '0x10',
    '1_000',
    ' 1',
    '1 ',
    '1\n',
    '١',
    'ten',
    String(GREATEST + 1),
    '9'.repeat(400),
  ])('takes no %j, and says which variable it is without the value', (text) => {
    const { limits: read, mistakes } = readLimits({ LIMIT_CACHE_MS: text, LIMIT_LAME_DUCK_MS: text })
    expect(read).toEqual(limits)
    expect(mistakes).toEqual([
      `LIMIT_CACHE_MS must be a whole number from 1 to ${GREATEST}`,
      `LIMIT_LAME_DUCK_MS must be a whole number from 0 to ${GREATEST}`,
    ])
  })

  it('leaves the others as they are', () => {
    const constants = limitNames.filter((name) => !(operatorLimits as readonly string[]).includes(name))
    const env = Object.fromEntries(constants.map((name) => [limitVariable(name), '1']))
    expect(readLimits(env)).toEqual({ limits, mistakes: [] })
    expect(operatorLimits.length).toBeLessThanOrEqual(15)
  })

  it('gives a whole number within bounds, or the usual value and one mistake', () => {
    const text = fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String), fc.maxSafeNat().map(String))
    let taken = 0
    fc.assert(
      fc.property(fc.constantFrom(...operatorLimits), text, (name, given) => {
        const { limits: read, mistakes } = readLimits({ [limitVariable(name)]: given })
        expect(Number.isInteger(read[name]) && read[name] >= 0 && read[name] <= GREATEST).toBe(true)
        if (mistakes.length > 0) expect([mistakes.length, read[name]]).toEqual([1, limits[name]])
        else if (given !== '') {
          taken += 1
          expect(read[name]).toBe(Number(given))
        }
      }),
      { numRuns: 1000 },
    )
    expect(taken).toBeGreaterThan(50)
  })
})

describe('the usual limits fit together', () => {
  const KiB = 1024
  it.each<[string, number, number]>([
    [
      'the longest credential in base64, and the scopes of a build, within the headers',
      (limits.credentialBytes * 4) / 3 + 16 * KiB,
      limits.headerBytes,
    ],
    ['headers within the time of a request', limits.requestHeadersMs, limits.requestTotalMs],
    [
      'connecting, waiting for the answer, and for the rest of it, within the time of a call',
      limits.upstreamHeadersMs + limits.upstreamConnectMs,
      limits.upstreamTotalMs,
    ],
    ['an idle connection to authentik within the 5 s of many servers', limits.upstreamKeepAliveMs, 5_000],
    ['a wait for an answer within the time to end', limits.clientPatienceMs, limits.drainMs],
    ['a wait for an answer within the 60 s of common proxies', limits.clientPatienceMs, 60_000],
    ['what docker waits within the 15.0 s after which it gives up', limits.dockerPatienceMs, 15_000],
    ['a call that times out within what docker waits', limits.upstreamHeadersMs, limits.dockerPatienceMs],
    ['those that wait, of all kinds, within the connections', 4 * limits.upstreamQueue, limits.clientConnections],
    ['the pause after a fetch of keys within their age', limits.jwksCooldownMs, limits.jwksMaxAgeMs],
    [
      'two health probes of authentik within the time until it is silent',
      2 * limits.probeIntervalMs,
      limits.authentikSilentMs,
    ],
    ['refusals remembered no longer than tokens', limits.refusalMs, limits.cacheMs],
  ])('%s', (_, part, whole) => expect(part).toBeLessThanOrEqual(whole))
})
