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
      'source-twice',
      /the slug "a"/,
    ],
    [
      'one issuer twice',
      [
        { slug: 'a', platform: 'github' },
        { slug: 'b', platform: 'github' },
      ],
      'source-twice',
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
