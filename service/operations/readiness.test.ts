import { describe, expect, it } from 'vitest'
import { createReadiness, type Look } from './readiness.ts'

const limits = { readyProbeMs: 10_000, readyMs: 60_000 }

/** One before an authentik that answers as the world says; time stands still unless it is told to move. */
function readinessOf(look: Look = { answered: true }, given?: readonly string[]) {
  const world = { nowMs: 0, look, given, looks: 0 }
  const readiness = createReadiness({
    limits,
    now: () => world.nowMs,
    look: async () => {
      world.looks += 1
      return world.look
    },
    registryKeyIds: async () => world.given,
  })
  return { world, ...readiness }
}

describe('createReadiness', () => {
  it('is not ready before authentik was seen, and looks when it is first asked', async () => {
    const { world, problems, check } = readinessOf()
    expect([problems(), world.looks]).toEqual([['authentik_silent'], 0])
    expect([await check(), problems(), world.looks]).toEqual([[], [], 1])
  })

  it('is ready by an exchange as well, and then says so without waiting for a look', async () => {
    const { problems, answered } = readinessOf()
    answered()
    expect(problems()).toEqual([])
  })

  it('looks no more often than it may, however many ask', async () => {
    const { world, check } = readinessOf()
    await Promise.all(Array.from({ length: 50 }, check))
    world.nowMs += limits.readyProbeMs - 1
    await check()
    expect(world.looks).toBe(1)
    world.nowMs += 1
    await check()
    expect(world.looks).toBe(2)
  })

  it('looks while it is not ready no more often either', async () => {
    const { world, check } = readinessOf({ answered: false })
    for (let probe = 0; probe < 5; probe++) expect(await check()).toEqual(['authentik_silent'])
    expect(world.looks).toBe(1)
  })

  it('forgives silence for so long and no longer, and takes the next sign of life', async () => {
    const { world, check, answered } = readinessOf()
    await check()
    world.look = { answered: false }
    world.nowMs = limits.readyMs
    expect(await check()).toEqual([])
    world.nowMs += 1
    expect(await check()).toEqual(['authentik_silent'])
    world.nowMs += limits.readyProbeMs
    world.look = { answered: true }
    expect(await check()).toEqual([])
    world.nowMs += limits.readyMs + 1
    answered()
    expect(await check()).toEqual([])
  })

  it('does not wait for a look while it has something to tell', async () => {
    const hanging = Promise.withResolvers<Look>()
    let nowMs = 0
    const { check, answered } = createReadiness({
      limits,
      now: () => nowMs,
      look: () => hanging.promise,
      registryKeyIds: async () => undefined,
    })
    answered()
    expect(await check()).toEqual([])
    nowMs = limits.readyMs + 1
    const waiting = check()
    hanging.resolve({ answered: true })
    expect(await waiting).toEqual([])
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
    ])('are %s', async (_, keyIds, given, ready) => {
      const { check } = readinessOf({ answered: true, ...(keyIds ? { keyIds } : {}) }, given)
      expect(await check()).toEqual(ready ? [] : ['registry_keys_outdated'])
    })

    it('count anew with each look, so that new ones help without a restart', async () => {
      const { world, check } = readinessOf({ answered: true, keyIds: ['new'] }, ['a'])
      expect(await check()).toEqual(['registry_keys_outdated'])
      world.given = ['a', 'new']
      world.nowMs += limits.readyProbeMs
      expect(await check()).toEqual([])
    })

    it('stay wrong while authentik does not say more', async () => {
      const { world, check } = readinessOf({ answered: true, keyIds: ['new'] }, ['a'])
      await check()
      world.look = { answered: false }
      world.nowMs += limits.readyProbeMs
      expect(await check()).toEqual(['registry_keys_outdated'])
    })
  })

  it('is never ready again once it drains, and disturbs nobody to find out', async () => {
    const { world, check, answered, drain } = readinessOf()
    await check()
    drain()
    world.nowMs += 2 * limits.readyProbeMs
    answered()
    expect([await check(), world.looks]).toEqual([['draining'], 1])
  })
})
