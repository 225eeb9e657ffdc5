import { describe, expect, test } from 'vitest'
import { parseSources } from './sources.ts'

const parse = (...entries: unknown[]) => parseSources(entries, 'registry.example.com')

describe('a source', () => {
  test.each([
    [
      { slug: 'github', platform: 'github' },
      'https://token.actions.githubusercontent.com',
      { jwksUrl: 'https://token.actions.githubusercontent.com/.well-known/jwks' },
    ],
    [
      { slug: 'ghes', platform: 'github', url: 'https://github.example.com/' },
      'https://github.example.com/_services/token',
      { jwksUrl: 'https://github.example.com/_services/token/.well-known/jwks' },
    ],
    [
      { slug: 'gitlab', platform: 'gitlab' },
      'https://gitlab.com',
      { wellKnownUrl: 'https://gitlab.com/.well-known/openid-configuration' },
    ],
    [
      { slug: 'own', platform: 'gitlab', url: 'https://gitlab.example.com', jwksUrl: 'http://gitlab.svc/jwks' },
      'https://gitlab.example.com',
      { jwksUrl: 'http://gitlab.svc/jwks' },
    ],
    [
      {
        slug: 'kubernetes',
        platform: 'oidc',
        issuer: 'https://kubernetes.default.svc',
        jwks: { keys: [{ kid: '1' }] },
      },
      'https://kubernetes.default.svc',
      { jwks: { keys: [{ kid: '1' }] } },
    ],
    [
      { slug: 'jenkins', platform: 'oidc', issuer: 'https://jenkins.example.com/oidc/' },
      'https://jenkins.example.com/oidc/',
      { wellKnownUrl: 'https://jenkins.example.com/oidc/.well-known/openid-configuration' },
    ],
  ])('%j', (entry, issuer, keys) => {
    const { sources, findings } = parse(entry)
    expect(findings).toEqual([])
    expect(sources).toEqual([expect.objectContaining({ issuer, keys, audience: 'registry.example.com' })])
  })

  test('may have an audience of its own', () => {
    expect(parse({ slug: 'github', platform: 'github', audience: 'other' }).sources[0]?.audience).toBe('other')
  })
})

test('an empty text is not set, as in all of the configuration', () => {
  const empty = { url: '', issuer: '', enterprise: '', audience: '', jwksUrl: '', wellKnownUrl: '' }
  expect(parse({ slug: 'github', platform: 'github', ...empty })).toEqual(parse({ slug: 'github', platform: 'github' }))
})

describe('keys in the configuration', () => {
  const source = (slug: string, ...keys: object[]) => ({
    slug,
    platform: 'oidc',
    issuer: `https://${slug}.example`,
    jwks: { keys },
  })
  const key = { kid: '1', kty: 'RSA', n: 'AQAB', e: 'AQAB' }

  test('may be the same in two sources: the issuer says which one a token is of', () => {
    expect(parse(source('a', key), source('b', { ...key, use: 'sig' })).findings).toEqual([])
  })
  test.each([
    ['in two sources', [source('a', key), source('b', { ...key, n: 'BQAB' })], /"1".*in "a" and "b"/],
    ['in one', [source('a', key, { kid: '1', kty: 'EC', crv: 'P-256', x: 'a', y: 'b' })], /"1".*in source "a"/],
  ])('of one id must not be two: %s', (_, entries, wrong) => {
    expect(parse(...entries).findings).toMatchObject([
      { severity: 'error', code: 'source-keys', field: 'sources', wrong: expect.stringMatching(wrong) },
    ])
  })
})

describe('a mistake in the sources', () => {
  test.each([
    ['no list', 'github', 'sources-missing', /the list of sources is "github"/],
    ['an empty list', [], 'sources-missing', /is \[\]|"\[\]"/],
    ['a slug with spaces', [{ slug: 'my source', platform: 'github' }], 'source-invalid', /letters, digits/],
    [
      'a slug that authentik would not hold',
      [{ slug: 'a'.repeat(35), platform: 'github' }],
      'source-invalid',
      /34 char/,
    ],
    ['another platform', [{ slug: 'a', platform: 'jenkins' }], 'source-invalid', /github, gitlab, oidc/],
    ['a field that is not', [{ slug: 'a', platform: 'github', uri: 'x' }], 'source-invalid', /no field "uri"/],
    ['a file as URL', [{ slug: 'a', platform: 'gitlab', url: 'file:///etc' }], 'source-invalid', /http or https/],
    ['a password', [{ slug: 'a', platform: 'gitlab', url: 'https://u:p@a.example' }], 'source-invalid', /password/],
    ['a query', [{ slug: 'a', platform: 'oidc', issuer: 'https://a.example/?a=b' }], 'source-invalid', /query/],
    ['a fragment', [{ slug: 'a', platform: 'github', jwksUrl: 'https://a.example/#k' }], 'source-invalid', /fragment/],
    [
      'a host of nothing',
      [{ slug: 'a', platform: 'oidc', wellKnownUrl: 'https://a..b/x' }],
      'source-invalid',
      /part ""/,
    ],
    ['oidc without issuer', [{ slug: 'a', platform: 'oidc' }], 'source-keys', /needs an issuer/],
    [
      'keys in two places',
      [{ slug: 'a', platform: 'oidc', issuer: 'https://a', jwksUrl: 'https://a/k', wellKnownUrl: 'https://a/w' }],
      'source-keys',
      /only one of/,
    ],
    [
      'keys without kid',
      [{ slug: 'a', platform: 'oidc', issuer: 'https://a', jwks: { keys: [{}] } }],
      'source-invalid',
      /./,
    ],
    [
      'one slug twice',
      [
        { slug: 'a', platform: 'github' },
        { slug: 'a', platform: 'gitlab' },
      ],
      'duplicate-source',
      /the slug "a"/,
    ],
    [
      'one issuer twice',
      [
        { slug: 'a', platform: 'github' },
        { slug: 'b', platform: 'github' },
      ],
      'duplicate-source',
      /the issuer/,
    ],
  ])('%s', (_, value, code, wrong) => {
    const { findings } = parseSources(value, 'registry.example.com')
    expect(findings).toEqual([
      expect.objectContaining({ severity: 'error', code, wrong: expect.stringMatching(wrong) }),
    ])
    expect(findings[0]?.example).not.toBe('')
  })
})
