import { describe, expect, it } from 'vitest'
import { presented } from '../../test/presented.ts'
import { unsignedToken } from '../../test/unsigned-token.ts'
import { loadPolicy } from '../../trust/decision/policy.ts'
import { compileDocument, REGISTRY_APPLICATION, sessionNames } from '../../trust/language/document.ts'
import { parseRules } from '../../trust/language/rules.ts'
import { parseSources } from '../../trust/language/sources.ts'
import { limits } from '../limits.ts'
import type { Credential } from '../request/credentials.ts'
import { Secret } from '../secret.ts'
import type { IssuedToken } from '../upstream/exchange.ts'
import { createTokenCache } from '../upstream/token-cache.ts'
import { shareAccounts } from './same-account.ts'
import type { SignatureVerdict } from './signature.ts'

const NOW_MS = 1_800_000_000_000
const now = NOW_MS / 1000
const ISSUER = 'https://kubernetes.default.svc'
const issued: IssuedToken = { token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: NOW_MS, access: [] }

const { sources } = parseSources([{ slug: 'cluster', platform: 'oidc', issuer: ISSUER }], 'registry.example.com')
function policyOf(...more: object[]) {
  const { rules } = parseRules([{ kubernetes: { namespaces: ['shop', 'web'], pull: '**' } }, ...more], sources)
  const names = { application: REGISTRY_APPLICATION, groups: { push: 'a', pull: 'b' }, session: sessionNames }
  const policy = loadPolicy(compileDocument(sources, rules, names))
  if (policy === undefined) throw new Error('the compiled rules are not understood')
  return policy
}

/** As the kubelet gets them: another one for each pod. */
function tokenOf(pod: number, more: object = {}, anonymous?: true): Credential {
  const claims = {
    iss: ISSUER,
    aud: ['registry.example.com'],
    sub: 'system:serviceaccount:shop:app',
    iat: now - pod,
    nbf: now - pod,
    exp: now + 3600 - pod,
    jti: `jti-${pod}`,
    'kubernetes.io': { namespace: 'shop', pod: { name: `pod-${pod}` }, serviceaccount: { name: 'app' } },
    ...more,
  }
  return { kind: 'ci_token', jwt: new Secret(unsignedToken(claims)), ...(anonymous && { anonymous }) }
}

function world(verdict: (token: string) => SignatureVerdict = () => 'good', policy = policyOf()) {
  let calls = 0
  let clock = NOW_MS
  const cache = createTokenCache({
    limits,
    now: () => clock,
    count: () => {},
    admit: () => {},
    isRevoked: () => false,
  })
  const exchange = shareAccounts(
    cache.remember(async () => {
      calls += 1
      return { ...issued, issuedAtMs: clock }
    }, 'registry'),
    {
      issuers: async (_, token) => verdict(token),
      limits,
      now: () => clock,
    },
  )
  return {
    ask: (credential: Credential) =>
      exchange({
        credential: presented(credential, policy, false, () => clock),
        scopes: ['repository:acme/app:pull'],
        requestId: 'id',
      }),
    calls: () => calls,
    later: (ms: number) => {
      clock += ms
    },
  }
}

describe('tokens of one service account', () => {
  it('of a hundred pods at once are one exchange, and so is the next pod', async () => {
    const { ask, calls, later } = world()
    await Promise.all(Array.from({ length: 100 }, (_, pod) => ask(tokenOf(pod))))
    later(1000)
    await ask(tokenOf(101))
    expect(calls()).toBe(1)
  })

  it('are exchanged anew when the answer is over', async () => {
    const { ask, calls, later } = world()
    await ask(tokenOf(1))
    later(limits.cacheMs + 1)
    await ask(tokenOf(2))
    expect(calls()).toBe(2)
  })

  it.each<[string, Credential]>([
    ['another account', tokenOf(2, { sub: 'system:serviceaccount:shop:other' })],
    ['another namespace', tokenOf(2, { sub: 'system:serviceaccount:web:app' })],
    ['a claim more', tokenOf(2, { tier: 'gold' })],
    ['a token that has just ended', tokenOf(2, { exp: now - 1 })],
    ['a token that is not valid yet', tokenOf(2, { nbf: now + 1 })],
    ['the token service itself, for a client without login', tokenOf(2, {}, true)],
  ])('are not those of %s', async (_, credential) => {
    const { ask, calls } = world()
    await ask(tokenOf(1))
    await ask(credential)
    expect(calls()).toBe(2)
  })

  it.each<SignatureVerdict>(['signature_invalid', 'key_unknown', 'unchecked'])(
    'count only with a good signature: one that is %s gets nothing of another',
    async (verdict) => {
      const forged = tokenOf(2)
      const text = forged.kind === 'password' ? '' : forged.jwt.reveal()
      const { ask, calls } = world((token) => (token === text ? verdict : 'good'))
      await ask(tokenOf(1))
      await ask(forged)
      expect(calls()).toBe(2)
      // Nor does another get what was asked with it.
      const other = world((token) => (token === text ? verdict : 'good'))
      await other.ask(forged)
      await other.ask(tokenOf(1))
      expect(other.calls()).toBe(2)
    },
  )

  it('differ where a rule looks at what differs', async () => {
    const sub = 'system:serviceaccount:shop:app'
    const { ask, calls } = world(
      () => 'good',
      policyOf({ source: 'cluster', claims: { sub, jti: 'jti-1' }, push: 'a' }),
    )
    await ask(tokenOf(1))
    await ask(tokenOf(2))
    expect(calls()).toBe(2)
  })
})
