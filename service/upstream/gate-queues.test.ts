/** The gate's queues: whose turn is next, and how long a request waits. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { presented } from '../../test/presented.ts'
import { Secret } from '../secret.ts'
import { createCallers } from './callers.ts'
import { gate, issued, jwt, type Own, password, settled, usual } from './gate.fixture.ts'
import { createGate } from './gate.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('the next turn', () => {
  /** Lets all of them wait behind one, and then each has its turn. @returns the order in which they had it */
  async function order(requests: Readonly<Record<string, Own>>): Promise<string[]> {
    const { ask, end, begun } = gate({ upstreamConnections: 1 })
    const answers = [ask('first'), ...Object.entries(requests).map(([id, own]) => ask(id, own))]
    await settled()
    for (let turn = 0; turn < answers.length; turn++) await end(begun[turn] ?? '')
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['granted']))
    return begun.slice(1)
  }
  const scopes = ['repository:acme/app:push']

  it('is that of a push and of a session before new logins', async () => {
    const session = presented({ kind: 'session', jwt: new Secret('a.b.c') })
    const found = await order({ login: {}, push: { scopes }, 'other login': {}, session: { credential: session } })
    expect(found).toEqual(['push', 'session', 'login', 'other login'])
  })

  it('is that of whoever waits the shortest', async () => {
    const found = await order({ skopeo: {}, docker: { patienceMs: 14_500 }, crane: {} })
    expect(found).toEqual(['docker', 'skopeo', 'crane'])
  })

  it('goes round the addresses', async () => {
    const many = Object.fromEntries([1, 2, 3, 4].map((number) => [`many ${number}`, { address: 'many' }]))
    const found = await order({ ...many, one: { address: 'one' }, 'another 1': { address: 'another' } })
    expect(found).toEqual(['many 1', 'one', 'another 1', 'many 2', 'many 3', 'many 4'])
  })

  it('is mostly that of verified tokens, and now and then that of each other kind', async () => {
    const guess = (number: number): Own => ({
      credential: password(String(number)),
    })
    const ids = Array.from({ length: 40 }, (_, index) => index)
    const requests = {
      ...Object.fromEntries(ids.map((index) => [`guess ${index}`, guess(index)])),
      ...Object.fromEntries(ids.map((index) => [`unverified ${index}`, { verified: false }])),
      ...Object.fromEntries(ids.map((index) => [`job ${index}`, {}])),
    }
    const found = (await order(requests)).slice(0, 30).map((id) => id.split(' ')[0])
    const count = (kind: string) => found.filter((each) => each === kind).length
    expect(count('job')).toBeGreaterThanOrEqual(22)
    expect([count('guess') > 0, count('unverified') > count('guess')]).toEqual([true, true])
  })
})

describe('waiting', () => {
  it('lasts as long as the client waits, and the others keep their turn', async () => {
    const { ask, end, begun, inFlight, waiting } = gate({ upstreamConnections: 1 })
    const first = ask('a')
    const docker = ask('docker', { patienceMs: 14_500 })
    const skopeo = ask('skopeo')
    await vi.advanceTimersByTimeAsync(14_499)
    expect(waiting()).toBe(2)
    await vi.advanceTimersByTimeAsync(1)
    expect([await docker, waiting()]).toEqual(['upstream_busy', 1])
    await end('a')
    await end('skopeo')
    expect([await first, await skopeo]).toEqual(['granted', 'granted'])
    expect([begun, inFlight()]).toEqual([['a', 'skopeo'], 0])
  })

  it('is refused where a line is full, which no other line feels', async () => {
    const { ask, waiting } = gate({ upstreamConnections: 1, upstreamQueue: 2 })
    const guess = { credential: password('p') } as const
    for (const id of ['a', 'b', 'c']) void ask(id, guess)
    const refused = ask('d', guess)
    await vi.advanceTimersByTimeAsync(749)
    expect(await Promise.race([refused, 'not yet'])).toBe('not yet')
    await vi.advanceTimersByTimeAsync(1)
    expect(await refused).toBe('upstream_busy')
    for (const id of ['job 1', 'job 2', 'job 3']) void ask(id)
    expect(await ask('job 4')).toBe('upstream_busy')
    expect([waiting('password'), waiting('verified')]).toEqual([2, 2])
  })

  it('ends with the client, which takes its call along', async () => {
    const { ask, end, hangUp, begun, waiting } = gate({ upstreamConnections: 1 })
    const first = ask('a')
    const abandoned = Array.from({ length: 50 }, (_, index) => ask(`gone ${index}`))
    const last = ask('last')
    await settled()
    for (let index = 0; index < 50; index++) await hangUp(`gone ${index}`)
    expect(waiting()).toBe(1)
    expect(new Set(await Promise.all(abandoned))).toEqual(new Set(['client_gone']))
    await end('a')
    await end('last')
    expect([await first, await last, begun]).toEqual(['granted', 'granted', ['a', 'last']])
  })

  it('is for nothing where the client has hung up before its turn to wait', async () => {
    const built = createGate(usual, Date.now)
    const callers = createCallers(undefined)
    callers.leave()
    const asked = built.protect(async () => issued)({ credential: jwt, scopes: [], requestId: 'a', callers })
    await expect(asked).rejects.toMatchObject({ reason: 'client_gone' })
    expect([callers.dropped, built.inFlight()]).toEqual([true, 0])
  })
})
