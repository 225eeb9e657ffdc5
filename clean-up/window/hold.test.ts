import { beforeEach, describe, expect, it } from 'vitest'
import { ANNOUNCEMENT } from './announcement.ts'
import { type HoldArgs, hold } from './hold.ts'

const MINUTE_MS = 60_000
let now: number
let data: Record<string, string>
let told: string[]
let pods: string[]
let printed: string[]
let isReady: boolean
let stop: AbortController
/** What happens at a time, in minutes from the start. */
let later: Map<number, () => void>

beforeEach(() => {
  now = Date.UTC(2026, 0, 31, 3)
  data = {}
  pods = ['10.0.0.1', '10.0.0.2']
  told = []
  printed = []
  isReady = false
  stop = new AbortController()
  later = new Map()
})

const start = Date.UTC(2026, 0, 31, 3)
const args = (more: Partial<HoldArgs> = {}): HoldArgs => ({
  store: {
    read: async () => ({ metadata: { resourceVersion: '1' }, data: { ...data } }),
    patch: async (change) => {
      const value = (change as { data: Record<string, string | null> }).data[ANNOUNCEMENT]
      if (value == null) delete data[ANNOUNCEMENT]
      else data[ANNOUNCEMENT] = value
    },
  },
  by: 'clean-up-1',
  windowMs: 60 * MINUTE_MS,
  tokenMs: 10 * MINUTE_MS,
  addresses: async () => pods,
  notYetTold: async (addresses) => addresses.filter((address) => !told.includes(address)),
  ready: () => {
    isReady = true
    stop.abort()
  },
  stopped: stop.signal,
  now: () => now,
  sleep: async (ms, signal) => {
    signal.throwIfAborted()
    now += ms
    for (const [minutes, act] of later) {
      if (now < start + minutes * MINUTE_MS) continue
      later.delete(minutes)
      act()
    }
  },
  print: (line) => printed.push(line),
  ...more,
})

describe('hold', () => {
  it('lets the clean-up begin when every token service refuses pushes and every older token has run out', async () => {
    later.set(1, () => told.push('10.0.0.1'))
    later.set(2, () => told.push('10.0.0.2'))
    let announced: string | undefined
    const readyAt: number[] = []
    await hold(
      args({
        ready: () => {
          announced = data[ANNOUNCEMENT]
          readyAt.push(now - start)
          stop.abort()
        },
      }),
    )
    expect(JSON.parse(announced ?? '')).toEqual({
      by: 'clean-up-1',
      since: '2026-01-31T03:00:00.000Z',
      until: '2026-01-31T04:00:00.000Z',
    })
    // Two minutes for the last one, ten for the token, and two for leeway and what was under way.
    expect(readyAt).toEqual([14 * MINUTE_MS])
    expect(data).toEqual({})
    expect(printed).toEqual([
      'pushes are refused from now on, until 2026-01-31T04:00:00.000Z at most',
      'waiting for 10.0.0.1, 10.0.0.2 to refuse pushes',
      'waiting for 10.0.0.2 to refuse pushes',
      'every token service refuses pushes; tokens that were given before run out within 720 s',
      'the registry takes no writes',
      'pushes are taken again',
    ])
  })

  it.each([
    ['one token service does not hear of it', () => told.push('10.0.0.1')],
    ['no token service can be found', () => pods.splice(0)],
    ['the last token outlives the time', () => later.set(50, () => told.push(...pods))],
  ])('does not let it begin where %s, and takes pushes again', async (_, world) => {
    world()
    await expect(hold(args())).rejects.toThrow('no clean-up: the time ran out before')
    expect(isReady).toBe(false)
    expect(data).toEqual({})
  })

  it('takes pushes again when it is stopped while it waits', async () => {
    later.set(1, () => stop.abort())
    await hold(args()).catch(() => {})
    expect(isReady).toBe(false)
    expect(data).toEqual({})
  })
})
