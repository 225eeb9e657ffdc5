import { describe, expect, test } from 'vitest'
import { checkToken } from './check-token.ts'
import { decodeToken } from './decode-token.ts'
import { audience, githubClaims, policy } from './policy.fixture.ts'

const NOW = 1_800_000_000
const header = { alg: 'RS256', kid: 'key-1', typ: 'JWT' }
const good = { ...githubClaims, aud: audience, iat: NOW - 60, nbf: NOW - 60, exp: NOW + 240 }
const check = (claims: object, headers: object = {}) =>
  checkToken(policy, { header: { ...header, ...headers }, claims: { ...good, ...claims } }, NOW)

describe('a token that would be taken', () => {
  test('says by which rules, and for which source', () => {
    expect(check({})).toMatchObject({ ok: true, kind: 'ci', source: { slug: 'github' }, rules: [{ number: 1 }] })
  })
  test.each([
    ['one audience of several', { aud: ['other', audience] }],
    ['expired within the leeway', { exp: NOW - 29 }],
    ['issued ahead within the leeway', { iat: NOW + 30, nbf: NOW + 30 }],
    ['no times but its end', { iat: undefined, nbf: undefined }],
  ])('%s', (_, claims) => {
    expect(check(claims).ok).toBe(true)
  })
})

describe('a token that would be refused', () => {
  test.each([
    [
      'a stranger',
      { repository_owner_id: '9', repository: 'evil/app', ref: undefined },
      {},
      'no-rule-matches',
      'no rule of source "github" matches repository "evil/app"',
    ],
    [
      'another branch',
      { ref: 'refs/heads/x' },
      {},
      'no-rule-matches',
      'no rule of source "github" matches repository "Acme/App" with ref "refs/heads/x"',
    ],
    [
      'nameless',
      { repository: 1.5, ref: null },
      {},
      'no-rule-matches',
      'no rule of source "github" matches the claims of this token',
    ],
    [
      'another audience',
      { aud: 'https://github.com/acme' },
      {},
      'audience-wrong',
      'audience is "https://github.com/acme", this registry expects "registry.example.com"',
    ],
    [
      'no audience',
      { aud: undefined },
      {},
      'audience-wrong',
      'audience is missing, this registry expects "registry.example.com"',
    ],
    [
      'expired',
      { iat: NOW - 342, exp: NOW - 42 },
      {},
      'expired',
      'expired 42 s ago (issued for 5 min; log in later or allow sessions)',
    ],
    [
      'expired at the leeway',
      { exp: NOW - 30, iat: undefined },
      {},
      'expired',
      'expired 30 s ago (log in later or allow sessions)',
    ],
    ['without an expiry', { exp: undefined }, {}, 'expiry-missing', 'the token does not say when it expires'],
    ['an end that is text', { exp: '1' }, {}, 'expiry-missing', 'the token does not say when it expires'],
    ['too early', { nbf: NOW + 31 }, {}, 'not-yet-valid', "not valid yet: nbf is 31 s ahead of this registry's clock"],
    [
      'issued in the future',
      { iat: NOW + 7200 },
      {},
      'not-yet-valid',
      "not valid yet: iat is 2 h ahead of this registry's clock",
    ],
    ['issued at what is not a time', { iat: 'now' }, {}, 'not-yet-valid', 'iat is "now", which is not a time'],
    [
      'unsigned',
      {},
      { alg: 'none' },
      'not-signed-by-a-key',
      'the token is not signed by a published key: its header has algorithm "none" and key id "key-1"',
    ],
    [
      'signed with a secret',
      {},
      { alg: 'HS256' },
      'not-signed-by-a-key',
      'the token is not signed by a published key: its header has algorithm "HS256" and key id "key-1"',
    ],
    [
      'without a key id',
      {},
      { kid: undefined },
      'not-signed-by-a-key',
      'the token is not signed by a published key: its header has algorithm "RS256" and key id missing',
    ],
  ])('%s', (_, claims, headers, code, sentence) => {
    expect(check(claims, headers)).toEqual({ ok: false, code, sentence })
  })

  test('of another issuer: the message names the trusted ones', () => {
    expect(check({ iss: 'https://evil.example' })).toMatchObject({
      code: 'issuer-unknown',
      sentence:
        'issuer is "https://evil.example", but this registry accepts only tokens from https://token.actions.githubusercontent.com, https://gitlab.com',
    })
  })
  test('quotes little of a claim, and nothing that a terminal acts on', () => {
    const answer = check({ repository: `\u001b[2J${'x'.repeat(900)}`, repository_owner_id: '9' })
    const sentence = 'sentence' in answer ? answer.sentence : ''
    expect(sentence).toMatch(/^[\x20-\x7e…]{1,300}$/)
    expect(sentence).toContain('\\u001b')
  })
  test('says nothing of the rules', () => {
    const answer = check({ repository_owner_id: '9' })
    expect(JSON.stringify(answer)).not.toContain('501')
  })
})

describe('a session', () => {
  const session = {
    iss: 'https://authentik.example.com/',
    aud: ['ci-session', 'docker-registry'],
    ci: { source: 'github', claims: githubClaims },
  }
  test('is compared with the rules by the claims of its CI token', () => {
    expect(check({ ...session, repository_owner_id: 'ignored' })).toMatchObject({
      ok: true,
      kind: 'session',
      source: { slug: 'github' },
    })
  })
  test('given before sessions were for the registry too is one', () => {
    const before = { iss: 'https://authentik.example.com/application/o/ci-session/', aud: 'ci-session' }
    expect(check({ ...session, ...before })).toMatchObject({ ok: true, kind: 'session' })
  })
  test('is not what a CI token is that lists the audience of sessions beside ours', () => {
    expect(check({ aud: [audience, 'ci-session'] })).toMatchObject({ ok: true, kind: 'ci' })
  })
  test.each([
    ['of a source that is gone', { ci: { source: 'other', claims: githubClaims } }, 'session-source-unknown'],
    ['without a source', { ci: 'github' }, 'session-source-unknown'],
    ['without claims', { ci: { source: 'github' } }, 'no-rule-matches'],
    ['of a rule that is gone', { ci: { source: 'gitlab', claims: githubClaims } }, 'no-rule-matches'],
    ['for the registry alone, as its own tokens are', { aud: 'docker-registry' }, 'issuer-unknown'],
    ['for another audience', { aud: audience }, 'issuer-unknown'],
    ['without any claims', { ci: undefined }, 'session-source-unknown'],
    ['that has ended', { exp: NOW - 100 }, 'expired'],
  ])('%s is refused', (_, claims, code) => {
    expect(check({ ...session, ...claims })).toMatchObject({ ok: false, code })
  })
})

describe('text that is not a JWT', () => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  test('is distinguished from one', () => {
    expect(decodeToken(`${part(header)}.${part(good)}.c2ln`)).toEqual({
      header,
      claims: JSON.parse(JSON.stringify(good)),
    })
  })
  test.each([
    ...['', 'password', 'a.b', 'a.b.c.d', '..', `${part(header)}.${part([])}.x`, `${part(header)}.${part(null)}.x`],
    ...[`${part(header)}.!!!.x`, `${part(header)}.${Buffer.from('{"a":"\xff"}', 'latin1').toString('base64url')}.x`],
    `${part(header)}.${part({ a: 'x'.repeat(20_000) })}.x`,
  ])('%.20s', (text) => {
    expect(decodeToken(text)).toBeUndefined()
    expect(checkToken(policy, decodeToken(text), NOW)).toMatchObject({ ok: false, code: 'not-a-jwt' })
  })
})
