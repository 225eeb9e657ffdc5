import { describe, expect, it } from 'vitest'
import { createAuthentikState, type Look } from './authentik-state.ts'

const limits = { authentikLookMs: 10_000, authentikSilentMs: 60_000 }

/** Of an authentik that answers as the world says; time stands still unless it is told to move. */
function stateOf(look: Look = { answered: true }, given?: readonly string[]) {
  const world = { nowMs: 0, look, given, looks: 0 }
  const state = createAuthentikState({
    limits,
    now: () => world.nowMs,
    look: async () => {
      world.looks += 1
      return world.look
    },
    registryKeyIds: async () => world.given,
  })
  const looked = async () => {
    state.look()
    await settled()
  }
  return { world, ...state, looked }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('createAuthentikState', () => {
  it('takes authentik for well until a look shows otherwise for long', async () => {
    const { world, answers, looked } = stateOf({ answered: false })
    expect([answers(), world.looks]).toEqual([true, 0])
    await looked()
    expect([answers(), world.looks]).toEqual([true, 1])
    world.nowMs += limits.authentikSilentMs + 1
    expect(answers()).toBe(false)
  })

  it('looks no more often than it may, however many ask, at a silent one too', async () => {
    const { world, looked } = stateOf({ answered: false })
    await Promise.all(Array.from({ length: 50 }, looked))
    world.nowMs += limits.authentikLookMs - 1
    await looked()
    expect(world.looks).toBe(1)
    world.nowMs += 1
    await looked()
    expect(world.looks).toBe(2)
  })

  it('takes the next sign of life, be it an exchange', async () => {
    const { world, answers, answered, looked } = stateOf({ answered: false })
    await looked()
    world.nowMs = limits.authentikSilentMs + 1
    expect(answers()).toBe(false)
    answered()
    expect(answers()).toBe(true)
    world.nowMs += limits.authentikSilentMs + 1
    await looked()
    expect(answers()).toBe(false)
    world.nowMs += limits.authentikLookMs
    world.look = { answered: true }
    await looked()
    expect(answers()).toBe(true)
  })

  it('is no worse where nothing was asked for long', async () => {
    const { world, answers, looked } = stateOf()
    await looked()
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
      const { keysFit, looked } = stateOf({ answered: true, ...(keyIds ? { keyIds } : {}) }, given)
      await looked()
      expect(keysFit()).toBe(fit)
    })

    it('count anew with each look, so that new ones help without a restart', async () => {
      const { world, keysFit, looked } = stateOf({ answered: true, keyIds: ['new'] }, ['a'])
      await looked()
      expect(keysFit()).toBe(false)
      world.given = ['a', 'new']
      world.nowMs += limits.authentikLookMs
      await looked()
      expect(keysFit()).toBe(true)
    })

    it('stay wrong while authentik does not say more', async () => {
      const { world, keysFit, looked } = stateOf({ answered: true, keyIds: ['new'] }, ['a'])
      await looked()
      world.look = { answered: false }
      world.nowMs += limits.authentikLookMs
      await looked()
      expect(keysFit()).toBe(false)
    })
  })
})
