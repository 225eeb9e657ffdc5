import { describe, expect, it } from 'vitest'
import { presented } from '../../test/presented.ts'
import { unsignedToken } from '../../test/unsigned-token.ts'
import { audience, githubClaims, policy } from '../../trust/decision/policy.fixture.ts'
import type { Policy } from '../../trust/decision/policy.ts'
import { TokenError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Credential } from '../request/credentials.ts'
import { Secret } from '../secret.ts'
import type { Exchange, IssuedToken } from '../upstream/exchange.ts'
import type { Disagreement } from './disagreement.ts'
import { refuseEarly } from './early-refusal.ts'

const issued: IssuedToken = { token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: 0, access: [] }
const seconds = () => Math.floor(Date.now() / 1000)
const good = { ...githubClaims, aud: audience }
const ci = (claims: object, header?: object): Credential => ({
  kind: 'ci_token',
  jwt: new Secret(unsignedToken(claims, header)),
})
const sessionClaims = {
  iss: 'https://authentik.example.com/',
  aud: ['ci-session', 'docker-registry'],
  ci: { source: 'github', claims: githubClaims },
}
const session = (claims: object): Credential => ({ kind: 'session', jwt: new Secret(unsignedToken(claims)) })

/** An exchange that answers so, behind the check; time stands still unless it is told to move. */
function checked(
  answer: Exchange = async () => issued,
  rules: () => Policy | undefined = () => policy,
  sessions = false,
) {
  const reported: Disagreement[] = []
  const world = { asked: 0, nowMs: 0, reported }
  const exchange = refuseEarly(
    (request) => {
      world.asked += 1
      return answer(request)
    },
    {
      report: (kind) => reported.push(kind),
      limits,
      now: () => world.nowMs,
      sessions,
    },
  )
  const ask = (credential: Credential, offline = false) =>
    exchange({ credential: presented(credential, rules(), sessions), scopes: [], offline, requestId: 'id' })
  return { world, ask }
}

const refuses: Exchange = async () => {
  throw new TokenError('credentials_refused', 'the generic text')
}

describe('what the rules allow', () => {
  it.each([
    ['a CI token', ci(good)],
    ['a session', session(sessionClaims)],
  ])('goes to authentik: %s', async (_, credential) => {
    const { world, ask } = checked()
    expect(await ask(credential)).toBe(issued)
    expect(world).toMatchObject({ asked: 1, reported: [] })
  })

  it.each([
    ['a CI token', ci(good), /^authentik refused what the rules here allow: the signature is not .* deactivated/],
    ['a session', session(sessionClaims), /^authentik refused what the rules here allow: the session was revoked/],
  ])('and that authentik refuses is explained and reported: %s', async (_, credential, sentence) => {
    const { world, ask } = checked(refuses)
    await expect(ask(credential)).rejects.toMatchObject({
      reason: 'authentik_refused',
      message: expect.stringMatching(sentence),
    })
    expect(world.reported).toEqual(['authentik_refuses'])
  })

  it('but has just ended is no disagreement: authentik allows for no difference of clocks', async () => {
    const { world, ask } = checked(refuses)
    await expect(ask(ci({ ...good, exp: seconds() - 10 }))).rejects.toMatchObject({
      reason: 'token_expired',
      message: expect.stringMatching(/^The CI token is refused: expired 1\d s ago$/),
    })
    expect(world).toMatchObject({ asked: 1, reported: [] })
  })

  it('leaves every other failure as it is', async () => {
    const down = new TokenError('upstream_timeout', 'too late')
    const { world, ask } = checked(async () => {
      throw down
    })
    await expect(ask(ci(good))).rejects.toBe(down)
    expect(world.reported).toEqual([])
  })
})

describe('what nobody could allow never reaches authentik', () => {
  it.each<[string, Credential, string, RegExp]>([
    ['garbage', { kind: 'ci_token', jwt: new Secret('garbage') }, 'token_malformed', /the password is not a JWT/],
    ['a token without signature', ci(good, { alg: 'none' }), 'token_unsigned', /algorithm "none"/],
    ['a shared secret', ci(good, { alg: 'HS256', kid: 'k' }), 'token_unsigned', /algorithm "HS256"/],
    ['no end', ci({ ...good, exp: undefined }), 'expiry_missing', /does not say when it expires/],
    [
      'a dead token',
      ci({ ...good, iat: seconds() - 342, exp: seconds() - 42 }),
      'token_expired',
      /^The CI token is refused: expired 4\d s ago \(issued for 5 min; log in later or allow sessions\)$/,
    ],
    [
      'a session that is over',
      session({ ...sessionClaims, iat: seconds() - 30_000, exp: seconds() - 8_400 }),
      'token_expired',
      /^The session is refused: expired 2 h ago/,
    ],
  ])('%s', async (_, credential, reason, message) => {
    const { world, ask } = checked()
    await expect(ask(credential)).rejects.toMatchObject({ reason, message: expect.stringMatching(message) })
    expect(world.asked).toBe(0)
  })
})

describe('what is over, where there are sessions, names them and what to do', () => {
  const ended = { iat: seconds() - 342, exp: seconds() - 42 }
  const over = ci({ ...good, ...ended })
  it.each<[string, Credential, boolean, RegExp]>([
    [
      'a client that keeps none',
      over,
      false,
      /^The CI token is refused: expired 4\d s ago \(issued for 5 min\); this client keeps no session\. .*offline_token=true/,
    ],
    ['a login', over, true, /\(issued for 5 min\); log in with a new token, before it expires/],
    [
      'a session',
      session({ ...sessionClaims, ...ended }),
      false,
      /^The session is refused: .* \(issued for 5 min\); log in again$/,
    ],
    [
      'a client whose token ended on the way',
      ci({ ...good, exp: seconds() - 10 }),
      false,
      /^The CI token is refused: expired 1\d s ago; this client keeps no session\./,
    ],
  ])('to %s', async (_, credential, offline, message) => {
    const answer = checked(refuses, () => policy, true).ask(credential, offline)
    await expect(answer).rejects.toMatchObject({ reason: 'token_expired', message: expect.stringMatching(message) })
    await expect(answer).rejects.not.toMatchObject({ message: expect.stringContaining('allow sessions') })
  })
})

describe('what the rules here refuse', () => {
  const refusals: [string, Credential, string, RegExp][] = [
    ['an issuer', ci({ ...good, iss: 'https://evil.example' }), 'issuer_unknown', /issuer is "https:\/\/evil.example"/],
    [
      'an audience',
      ci({ ...good, aud: 'https://github.com/acme' }),
      'audience_wrong',
      /audience is "https:\/\/github.com\/acme", this registry expects "registry.example.com"$/,
    ],
    ['a time', ci({ ...good, nbf: seconds() + 600 }), 'token_not_yet_valid', /not valid yet: nbf is 10 min ahead/],
    [
      'a repository',
      ci({ ...good, repository: 'evil/app', repository_owner_id: '666' }),
      'no_rule_matches',
      /no rule of source "github" matches repository "evil\/app"/,
    ],
    [
      'a session',
      session({ ...sessionClaims, ci: {} }),
      'session_source_unknown',
      /the session came from source missing/,
    ],
  ]
  it.each(refusals)('%s, is told so', async (_, credential, reason, message) => {
    await expect(checked().ask(credential)).rejects.toMatchObject({ reason, message: expect.stringMatching(message) })
  })

  it('is put to authentik once in a while, and a yes is reported but never given away', async () => {
    const { world, ask } = checked()
    const stranger = ci({ ...good, repository_owner_id: '666' })
    for (let request = 0; request < 5; request++) {
      await expect(ask(stranger)).rejects.toMatchObject({ reason: 'no_rule_matches' })
    }
    expect(world).toMatchObject({ asked: 1, reported: ['authentik_allows'] })
    world.nowMs += limits.refusalSampleMs
    await expect(ask(stranger)).rejects.toMatchObject({ reason: 'no_rule_matches' })
    expect(world).toMatchObject({ asked: 2, reported: ['authentik_allows', 'authentik_allows'] })
  })

  it('and authentik too is no disagreement', async () => {
    const { world, ask } = checked(refuses)
    await expect(ask(ci({ ...good, repository_owner_id: '666' }))).rejects.toMatchObject({ reason: 'no_rule_matches' })
    expect(world).toMatchObject({ asked: 1, reported: [] })
  })

  it('is not explained to whoever is not logged in', async () => {
    const anonymous = { ...ci({ ...good, aud: 'kubernetes' }), anonymous: true } as Credential
    await expect(checked().ask(anonymous)).rejects.toMatchObject({
      reason: 'audience_wrong',
      message: 'Nothing is granted without login; log in first',
    })
  })
})

it('says nothing of passwords, nor of anything without rules', async () => {
  const noRules = checked(undefined, () => undefined)
  expect(await checked().ask({ kind: 'password', username: 'deploy', password: new Secret('p') })).toBe(issued)
  expect(await noRules.ask({ kind: 'ci_token', jwt: new Secret('garbage') })).toBe(issued)
})
