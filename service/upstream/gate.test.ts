import { describe, expect, it } from 'vitest'
import { TokenError } from '../errors.ts'
import { Secret } from '../secret.ts'
import type { ExchangeRequest, IssuedToken } from './exchange.ts'
import { createGate } from './gate.ts'

const issued: IssuedToken = { token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: 0, access: [] }
const request = (requestId: string): ExchangeRequest => ({
  credential: { kind: 'jwt', jwt: new Secret('a.b.c') },
  scopes: [],
  requestId,
})
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** A gate in front of calls that end when they are told to. */
function gate(own: Partial<Parameters<typeof createGate>[0]> = {}) {
  const limits = { upstreamConnections: 2, upstreamQueue: 3, upstreamQueueMs: 60_000, ...own }
  const { protect, inFlight, waiting } = createGate(limits)
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<IssuedToken>>()
  const exchange = protect(({ requestId }) => {
    begun.push(requestId)
    const end = Promise.withResolvers<IssuedToken>()
    ends.set(requestId, end)
    return end.promise
  })
  return {
    begun,
    inFlight,
    waiting,
    ask: (id: string) =>
      exchange(request(id)).then(
        () => 'granted',
        (error) => error.reason,
      ),
    end: async (id: string) => {
      ends.get(id)?.resolve(issued)
      await settled()
    },
    fail: async (id: string) => {
      ends.get(id)?.reject(new TokenError('upstream_broken', 'no'))
      await settled()
    },
  }
}

describe('createGate', () => {
  it('lets so many through at once, and the next in the order in which they came', async () => {
    const { ask, end, fail, begun, inFlight, waiting } = gate()
    const answers = ['a', 'b', 'c', 'd', 'e'].map(ask)
    await settled()
    expect([begun, inFlight(), waiting()]).toEqual([['a', 'b'], 2, 3])
    await end('b')
    expect([begun, inFlight(), waiting()]).toEqual([['a', 'b', 'c'], 2, 2])
    await fail('a')
    expect([begun, inFlight(), waiting()]).toEqual([['a', 'b', 'c', 'd'], 2, 1])
    for (const id of ['c', 'd', 'e']) await end(id)
    expect(await Promise.all(answers)).toEqual(['upstream_broken', 'granted', 'granted', 'granted', 'granted'])
    expect([inFlight(), waiting()]).toEqual([0, 0])
  })

  it('turns away at once whoever comes when the line is full, and forgets them', async () => {
    const { ask, end, begun, waiting } = gate()
    const inTime = ['a', 'b', 'c', 'd', 'e'].map(ask)
    expect(await ask('f')).toBe('upstream_busy')
    expect(waiting()).toBe(3)
    for (const id of ['a', 'b', 'c', 'd', 'e']) await end(id)
    expect(await Promise.all(inTime)).toEqual(Array(5).fill('granted'))
    expect(begun).not.toContain('f')
    const next = ask('g')
    await settled()
    await end('g')
    expect(await next).toBe('granted')
  })

  it('has no line at all where it may be 0 long', async () => {
    const { ask, end } = gate({ upstreamConnections: 1, upstreamQueue: 0 })
    const first = ask('a')
    expect(await ask('b')).toBe('upstream_busy')
    await end('a')
    expect(await first).toBe('granted')
  })

  it('sends away who has waited too long, from the middle of the line, and the others keep their turn', async () => {
    const { ask, end, begun, inFlight, waiting } = gate({ upstreamConnections: 1, upstreamQueueMs: 30 })
    const first = ask('a')
    expect(await Promise.all([ask('b'), ask('c')])).toEqual(['upstream_busy', 'upstream_busy'])
    expect([inFlight(), waiting()]).toEqual([1, 0])
    const patient = ask('d')
    await settled()
    await end('a')
    expect(await first).toBe('granted')
    await end('d')
    expect(await patient).toBe('granted')
    expect(begun).toEqual(['a', 'd'])
    expect([inFlight(), waiting()]).toEqual([0, 0])
  })

  it('gives its places back, whatever goes wrong', async () => {
    const { protect, inFlight } = createGate({ upstreamConnections: 1, upstreamQueue: 1, upstreamQueueMs: 1_000 })
    const broken = protect(() => {
      throw new RangeError('a mistake of its own')
    })
    for (let call = 0; call < 5; call++) await expect(broken(request('a'))).rejects.toThrow(RangeError)
    expect(inFlight()).toBe(0)
  })

  it('never has more under way than it may, nor fewer while somebody waits', async () => {
    const { ask, end, begun, inFlight, waiting } = gate({ upstreamConnections: 4, upstreamQueue: 1_000 })
    const ids = Array.from({ length: 200 }, (_, index) => String(index))
    const answers = ids.map(ask)
    await settled()
    for (const id of ids) {
      expect(inFlight()).toBe(Math.min(4, 200 - Number(id)))
      expect(begun.length - Number(id)).toBe(inFlight())
      expect(waiting()).toBe(Math.max(0, 196 - Number(id)))
      await end(id)
    }
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['granted']))
  })
})
