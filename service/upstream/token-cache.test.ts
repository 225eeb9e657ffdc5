import { describe, expect, it } from 'vitest'
import { presented } from '../../test/presented.ts'
import { unsignedToken } from '../../test/unsigned-token.ts'
import { type FailureReason, failures, TokenError } from '../errors.ts'
import { limits as usual } from '../limits.ts'
import type { Credential } from '../request/credentials.ts'
import { Secret } from '../secret.ts'
import type { Exchange, IssuedToken } from './exchange.ts'
import { createTokenCache, type LookupResult, type TokenCacheDependencies } from './token-cache.ts'

const seconds = 1000
const limits = { ...usual, cacheMs: 60 * seconds, tokenMarginMs: 60 * seconds, credentialMarginMs: 5 * seconds }
const ci = (text = 'a.b.c'): Credential => ({ kind: 'ci_token', jwt: new Secret(text) })
const scope = ['repository:acme/app:pull']

/** A cache in front of an authentik that answers in `answer`'s way; time stands still unless it is told to move. */
function cached(own: Partial<TokenCacheDependencies> = {}) {
  const world = {
    nowMs: 1_000_000_000,
    calls: 0,
    counted: [] as LookupResult[],
    expiresInSeconds: 600,
    answer: async (): Promise<IssuedToken> => ({
      token: new Secret(`token ${world.calls}`),
      expiresInSeconds: world.expiresInSeconds,
      issuedAtMs: world.nowMs,
      access: [],
    }),
  }
  const cache = createTokenCache({
    limits,
    now: () => world.nowMs,
    count: (source) => world.counted.push(source),
    admit: () => {},
    isRevoked: () => false,
    ...own,
  })
  const exchange: Exchange = () => {
    world.calls += 1
    return world.answer()
  }
  const [registry, session] = ['registry', 'session'].map((purpose) => cache.remember(exchange, purpose))
  const asking =
    (remembered: Exchange | undefined) =>
    async (credential = ci(), scopes: readonly string[] = scope) =>
      (await remembered?.({ credential: presented(credential), scopes, requestId: 'id' }))?.token.reveal()
  return { world, cache, ask: asking(registry), askSession: asking(session) }
}

const failing = (reason: FailureReason) => async () => {
  throw new TokenError(reason, 'no')
}

describe('how long a token is given out again', () => {
  it.each<[string, { expiresIn?: number; credentialEnds?: number }, number]>([
    ['as long as the cache may keep it', {}, 60],
    ['until it would not last for its use', { expiresIn: 90 }, 30],
    ['until shortly before its credential ends', { credentialEnds: 20 }, 15],
    ['by the first of these', { expiresIn: 90, credentialEnds: 20 }, 15],
    ['by the first of these, in the other order', { expiresIn: 70, credentialEnds: 20 }, 10],
    ['not at all, if it hardly lives itself', { expiresIn: 60 }, 0],
    ['not at all, if its credential is about to end', { credentialEnds: 5 }, 0],
    ['not at all, if its credential has ended by our clock', { credentialEnds: -300 }, 0],
    ['no longer for a credential that ends much later', { credentialEnds: 1e9 }, 60],
  ])('%s', async (_, { expiresIn = 600, credentialEnds }, lifeSeconds) => {
    const start = 1_000_000_000
    const exp = credentialEnds === undefined ? undefined : start / seconds + credentialEnds
    const credential = ci(unsignedToken({ exp }))
    const { world, ask: asking } = cached()
    const ask = () => asking(credential)
    world.expiresInSeconds = expiresIn
    await ask()
    if (lifeSeconds > 0) {
      world.nowMs = start + lifeSeconds * seconds - 1
      expect([await ask(), world.calls]).toEqual(['token 1', 1])
    }
    world.nowMs = start + lifeSeconds * seconds
    expect([await ask(), world.calls]).toEqual(['token 2', 2])
  })

  it('is counted from when authentik was asked, however long it took', async () => {
    const { world, ask } = cached()
    const askedMs = world.nowMs
    world.answer = async () => {
      world.nowMs = askedMs + 20 * seconds
      return { token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: askedMs, access: [] }
    }
    await ask()
    world.nowMs = askedMs + limits.cacheMs
    await ask()
    expect(world.calls).toBe(2)
  })

  it('does not grow when the clock is set back', async () => {
    const { world, ask } = cached()
    await ask()
    world.nowMs -= 3_600 * seconds
    await ask()
    expect(world.calls).toBe(2)
  })
})

describe('what a session is about', () => {
  const kinds = ['session', 'ci_token'] as const
  const session = unsignedToken({ ci: { source: 'github', claims: {} } })

  it.each(kinds)('is asked again after 5 s, as %s: a revocation counts by then, wherever it was made', async (kind) => {
    const { world, ask } = cached()
    const asking = () => ask({ kind, jwt: new Secret(session) })
    // As a client that has no other token to use would: each second for a minute.
    for (let second = 0; second < 60; second++) {
      await asking()
      world.nowMs += seconds
    }
    expect(world.calls).toBe(12)
  })

  it('is asked again sooner where all answers are', async () => {
    const { world, ask } = cached({ limits: { ...limits, cacheMs: 2 * seconds } })
    const asking = () => ask({ kind: 'session', jwt: new Secret(session) })
    await asking()
    world.nowMs += 2 * seconds
    expect([await asking(), world.calls]).toEqual(['token 2', 2])
  })

  it('is asked again where it is the session itself, and at once where that was revoked', async () => {
    const revoked = new Set<string>()
    const { world, askSession } = cached({ isRevoked: ({ token }) => revoked.has(token.reveal()) })
    world.answer = async () => ({
      token: new Secret(`session ${world.calls}`),
      expiresInSeconds: 21_600,
      issuedAtMs: world.nowMs,
      access: [],
      session: { audience: [] },
    })
    expect([await askSession(), await askSession()]).toEqual(['session 1', 'session 1'])
    revoked.add('session 1')
    expect([await askSession(), await askSession()]).toEqual(['session 2', 'session 2'])
    world.nowMs += 5 * seconds
    expect(await askSession()).toBe('session 3')
  })
})

describe('what is one question', () => {
  const user = (username: string, password: string): Credential => ({
    kind: 'password',
    username,
    password: new Secret(password),
  })

  it('the same credential and scopes, in any order', async () => {
    const { world, ask } = cached()
    await ask(ci(), ['b', 'a', 'c'])
    await ask(ci(), ['c', 'b', 'a'])
    expect(world.counted).toEqual(['miss', 'hit'])
  })

  it.each<[string, Credential, string[]]>([
    ['another token', ci('a.b.d'), scope],
    ['the token as a session', { kind: 'session', jwt: new Secret('a.b.c') }, scope],
    ['the token for nobody in particular', { ...ci(), anonymous: true } as Credential, scope],
    ['a user', user('JWT', 'a.b.c'), scope],
    ['no scope', ci(), []],
    ['one scope more', ci(), [...scope, 'repository:acme/base:pull']],
    ['another action', ci(), ['repository:acme/app:push']],
  ])('is not that of %s', async (_, credential, scopes) => {
    const { world, ask } = cached()
    await ask()
    await ask(credential, scopes)
    expect(world.counted).toEqual(['miss', 'miss'])
  })

  it('is not asked for a registry token and for a session alike', async () => {
    const { world, ask, askSession } = cached()
    expect(await ask()).not.toBe(await askSession())
    expect(world.calls).toBe(2)
  })

  it('says nothing of its own end: a longer list of scopes is no other shorter one', async () => {
    const { world, ask } = cached()
    for (const scopes of [['a', 'b'], ['ab'], ['a'], ['b']]) await ask(ci(), scopes)
    expect(world.calls).toBe(4)
  })
})

describe('calls under way', () => {
  it('are shared by all who ask the same, and only the first one pays', async () => {
    const { world, cache } = cached()
    let paid = 0
    const remembered = cache.remember(async ({ onCall }) => {
      onCall?.()
      world.calls += 1
      return world.answer()
    }, 'registry')
    const asked = Array.from({ length: 200 }, () =>
      remembered({ credential: presented(ci()), scopes: scope, requestId: 'id', onCall: () => paid++ }),
    )
    expect(new Set((await Promise.all(asked)).map(({ token }) => token.reveal()))).toEqual(new Set(['token 1']))
    expect([world.calls, paid]).toEqual([1, 1])
    expect(world.counted).toEqual(['miss', ...Array(199).fill('shared')])
  })

  it('are shared where no answer may be used again', async () => {
    const { world, cache, ask } = cached({ limits: { ...limits, cacheMs: 0 } })
    await Promise.all([ask(), ask(), ask()])
    expect(world.calls).toBe(1)
    await ask()
    expect([world.calls, cache.entries()]).toEqual([2, 0])
  })

  it('that fail do so for all who share them, and the next one asks anew', async () => {
    const { world, ask } = cached()
    const works = world.answer
    world.answer = failing('upstream_timeout')
    const answers = await Promise.allSettled([ask(), ask(), ask()])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(world.calls).toBe(1)
    world.answer = works
    expect(await ask()).toBe('token 2')
  })
})

describe('a refusal', () => {
  const lasting: FailureReason[] = ['credentials_refused', 'key_ambiguous', 'key_refused', 'subject_too_long']

  it.each(lasting)('%s is remembered for this very request, and not for long', async (reason) => {
    const { world, ask, askSession } = cached()
    const works = world.answer
    world.answer = failing(reason)
    await expect(ask()).rejects.toMatchObject({ reason })
    world.answer = works
    world.nowMs += limits.refusalMs - 1
    await expect(ask()).rejects.toMatchObject({ reason })
    expect(world.counted).toEqual(['miss', 'negative'])
    for (const other of [ask(ci('a.b.d')), ask(ci(), ['repository:acme/base:pull']), askSession()]) {
      expect(await other).toMatch(/^token/)
    }
    world.nowMs += 1
    expect(await ask()).toMatch(/^token/)
  })

  it.each((Object.keys(failures) as FailureReason[]).filter((reason) => !lasting.includes(reason)))(
    'is not what %s is taken for: the next one asks',
    async (reason) => {
      const { world, ask } = cached()
      world.answer = failing(reason)
      await expect(ask()).rejects.toMatchObject({ reason })
      await expect(ask()).rejects.toMatchObject({ reason })
      expect(world.calls).toBe(2)
    },
  )

  it('does not undo a token that was given before', async () => {
    const { world, ask } = cached()
    await ask()
    world.answer = failing('credentials_refused')
    expect(await ask()).toBe('token 1')
  })

  it('of the oldest request is forgotten when there are too many', async () => {
    const { world, ask } = cached({ limits: { ...limits, refusalEntries: 2 } })
    world.answer = failing('credentials_refused')
    for (const token of ['1', '2', '3', '3', '2', '1']) await ask(ci(token)).catch(() => {})
    expect(world.counted).toEqual(['miss', 'miss', 'miss', 'negative', 'negative', 'miss'])
  })
})
