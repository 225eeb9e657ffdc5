import { describe, expect, it } from 'vitest'
import { createAuthentikState, type Health } from './authentik-state.ts'

const limits = { probeIntervalMs: 10_000, authentikSilentMs: 60_000 }

/** Of an authentik that answers as the world says; time stands still unless it is told to move. */
function stateOf(health: Health = { answered: true }, given?: readonly string[]) {
  const world = { nowMs: 0, health, given, probes: 0 }
  const state = createAuthentikState({
    limits,
    now: () => world.nowMs,
    probe: async () => {
      world.probes += 1
      return world.health
    },
    registryKeyIds: async () => world.given,
  })
  const probed = async () => {
    state.probe()
    await settled()
  }
  return { world, ...state, probed }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('createAuthentikState', () => {
  it('takes authentik for well until a look shows otherwise for long', async () => {
    const { world, answers, probed } = stateOf({ answered: false })
    expect([answers(), world.probes]).toEqual([true, 0])
    await probed()
    expect([answers(), world.probes]).toEqual([true, 1])
    world.nowMs += limits.authentikSilentMs + 1
    expect(answers()).toBe(false)
  })

  it('looks no more often than it may, however many ask, at a silent one too', async () => {
    const { world, probed } = stateOf({ answered: false })
    await Promise.all(Array.from({ length: 50 }, probed))
    world.nowMs += limits.probeIntervalMs - 1
    await probed()
    expect(world.probes).toBe(1)
    world.nowMs += 1
    await probed()
    expect(world.probes).toBe(2)
  })

  it('takes the next sign of life, be it an exchange', async () => {
    const { world, answers, answered, probed } = stateOf({ answered: false })
    await probed()
    world.nowMs = limits.authentikSilentMs + 1
    expect(answers()).toBe(false)
    answered()
    expect(answers()).toBe(true)
    world.nowMs += limits.authentikSilentMs + 1
    await probed()
    expect(answers()).toBe(false)
    world.nowMs += limits.probeIntervalMs
    world.health = { answered: true }
    await probed()
    expect(answers()).toBe(true)
  })

  it('is no worse where nothing was asked for long', async () => {
    const { world, answers, probed } = stateOf()
    await probed()
    world.nowMs += 100 * limits.authentikSilentMs
    expect(answers()).toBe(true)
  })

  describe('the keys of the registry', () => {
    it.each<[string, string[] | undefined, string[] | undefined, boolean]>([
      ['the one that authentik signs with', ['a'], ['a'], true],
      ['that one and an older one', ['a'], ['old', 'a'], true],
      ['another one', ['new'], ['a'], false],
      ['one of two that authentik publishes', ['a', 'new'], ['a'], false],
      ['none', ['a'], [], false],
      ['some, but authentik did not say', undefined, ['a'], true],
      ['unknown', ['a'], undefined, true],
    ])('are %s', async (_, keyIds, given, fit) => {
      const { keysMatch, probed } = stateOf({ answered: true, ...(keyIds ? { keyIds } : {}) }, given)
      await probed()
      expect(keysMatch()).toBe(fit)
    })

    it('count anew with each look, so that new ones help without a restart', async () => {
      const { world, keysMatch, probed } = stateOf({ answered: true, keyIds: ['new'] }, ['a'])
      await probed()
      expect(keysMatch()).toBe(false)
      world.given = ['a', 'new']
      world.nowMs += limits.probeIntervalMs
      await probed()
      expect(keysMatch()).toBe(true)
    })

    it('stay wrong while authentik does not say more', async () => {
      const { world, keysMatch, probed } = stateOf({ answered: true, keyIds: ['new'] }, ['a'])
      await probed()
      world.health = { answered: false }
      world.nowMs += limits.probeIntervalMs
      await probed()
      expect(keysMatch()).toBe(false)
    })
  })
})
