import { describe, expect, it } from 'vitest'
import { presented } from '../../test/presented.ts'
import { unsignedToken } from '../../test/unsigned-token.ts'
import { document, audience as githubAudience, githubClaims, policyOf } from '../../trust/decision/policy.fixture.ts'
import { TokenError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Credential } from '../request/credentials.ts'
import { Secret } from '../secret.ts'
import type { IssuedToken } from '../upstream/exchange.ts'
import { refuseDeletedAccounts } from './deleted-accounts.ts'
import type { SignatureVerdict } from './signature.ts'

const issuer = 'https://kubernetes.default.svc'
const audience = 'pods.example.com'
const rule = {
  number: 9,
  claims: [['sub', ['system:serviceaccount:shop:*']]],
  push: [],
  pull: ['acme/**'],
  delete: [],
  catalog: false,
}
const cluster = {
  slug: 'cluster',
  authentikSlug: 'docker-registry-cluster',
  platform: 'oidc',
  issuer,
  audience,
  rules: [rule],
}
const rules = policyOf({ ...document, sources: [...document.sources, cluster] })

const podToken = (more: object = {}) =>
  new Secret(unsignedToken({ iss: issuer, aud: [audience], sub: 'system:serviceaccount:shop:app', ...more }))
const pod = (more: object = {}): Credential => ({ kind: 'ci_token', jwt: podToken(more) })

/** A cluster that knows every account until a test says otherwise. */
function reviewing(verdict: SignatureVerdict = 'good') {
  const world = {
    nowMs: Date.now(),
    exchanges: 0,
    asked: [] as string[],
    review: async (): Promise<boolean> => true,
  }
  const issued: IssuedToken = {
    token: new Secret('t'),
    expiresInSeconds: 600,
    issuedAtMs: 0,
    access: [],
    reusableUntilMs: world.nowMs + 60_000,
  }
  const exchange = refuseDeletedAccounts(
    async () => {
      world.exchanges += 1
      return issued
    },
    {
      source: 'cluster',
      issuers: async () => verdict,
      review: (_, of) => {
        world.asked.push(of)
        return world.review()
      },
      limits,
      now: () => world.nowMs,
    },
  )
  const ask = (credential: Credential) =>
    exchange({ credential: presented(credential, rules), scopes: [], requestId: 'id' })
  return { world, ask }
}

describe('refuseDeletedAccounts', () => {
  it('asks about a token of the own cluster, for its audience, and no answer is reused for longer than that counts', async () => {
    const { world, ask } = reviewing()
    const { reusableUntilMs } = await ask(pod())
    expect([world.asked, world.exchanges]).toEqual([[audience], 1])
    expect(reusableUntilMs).toBe(world.nowMs + limits.tokenReviewCacheMs)
  })

  it('refuses one of an account that was deleted within 5 s, and asks authentik no more', async () => {
    const { world, ask } = reviewing()
    const token = pod()
    await ask(token)
    world.review = async () => false
    world.nowMs += limits.tokenReviewCacheMs - 1
    await ask(token)
    expect([world.asked.length, world.exchanges]).toEqual([1, 2])
    world.nowMs += 1
    for (let time = 0; time < 3; time++)
      await expect(ask(token)).rejects.toMatchObject({ reason: 'kubernetes_refused' })
    expect([world.asked.length, world.exchanges]).toEqual([2, 2])
  })

  it('is closed while the cluster does not answer, and remembers nothing of that', async () => {
    const { world, ask } = reviewing()
    world.review = () => Promise.reject(new TokenError('kubernetes_unavailable', 'no'))
    await expect(ask(pod())).rejects.toMatchObject({ reason: 'kubernetes_unavailable' })
    world.review = async () => true
    await ask(pod())
    expect(world.exchanges).toBe(1)
  })

  it('asks once where many ask at once with one token, and for each token', async () => {
    const { world, ask } = reviewing()
    await Promise.all(Array.from({ length: 50 }, () => ask(pod({ jti: 'same' }))))
    expect(world.asked).toHaveLength(1)
    await ask(pod({ jti: 'other' }))
    expect(world.asked).toHaveLength(2)
  })

  it.each<[string, Credential, SignatureVerdict]>([
    ['a forged token', pod(), 'signature_invalid'],
    ['a token of no key of the cluster', pod(), 'key_unknown'],
    [
      'a job of another source',
      { kind: 'ci_token', jwt: new Secret(unsignedToken({ ...githubClaims, aud: githubAudience })) },
      'good',
    ],
    ['what no rule lets in', pod({ sub: 'system:serviceaccount:other:app' }), 'good'],
    ["the service's own token", { ...pod(), anonymous: true } as Credential, 'good'],
    ['a password', { kind: 'password', username: 'u', password: new Secret('p') }, 'good'],
  ])('asks the cluster nothing about %s', async (_, credential, verdict) => {
    const { world, ask } = reviewing(verdict)
    await ask(credential)
    expect([world.asked, world.exchanges]).toEqual([[], 1])
  })

  it('asks too where the keys of the cluster cannot be had', async () => {
    const { world, ask } = reviewing('unchecked')
    await ask(pod())
    expect(world.asked).toHaveLength(1)
  })
})
