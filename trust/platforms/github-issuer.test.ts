import { describe, expect, test } from 'vitest'
import { checkToken } from '../decision/check-token.ts'
import { loadPolicy } from '../decision/policy.ts'
import { compileDocument, sessionNames } from '../language/document.ts'
import { parseRules } from '../language/rules.ts'
import { parseSources } from '../language/sources.ts'

const AUDIENCE = 'registry.example.com'
const parse = (...entries: unknown[]) => parseSources(entries, AUDIENCE)

/**
 * What each kind of GitHub publishes about itself, the two members that matter here (docs.github.com; for the
 * enterprise's issuer as others saw it, docs/observed-behaviour.md).
 */
const discovery = {
  dotcom: {
    issuer: 'https://token.actions.githubusercontent.com',
    jwks_uri: 'https://token.actions.githubusercontent.com/.well-known/jwks',
  },
  enterprise: {
    issuer: 'https://token.actions.githubusercontent.com/octocat-inc',
    jwks_uri: 'https://token.actions.githubusercontent.com/.well-known/jwks',
  },
  tenant: {
    issuer: 'https://token.actions.octocorp.ghe.com',
    jwks_uri: 'https://token.actions.octocorp.ghe.com/.well-known/jwks',
  },
  tenantEnterprise: {
    issuer: 'https://token.actions.octocorp.ghe.com/octocorp',
    jwks_uri: 'https://token.actions.octocorp.ghe.com/.well-known/jwks',
  },
  server: {
    issuer: 'https://github.example.com/_services/token',
    jwks_uri: 'https://github.example.com/_services/token/.well-known/jwks',
  },
}

const written: [string, object, keyof typeof discovery][] = [
  ['nothing but the platform', {}, 'dotcom'],
  ['the web address of github.com', { url: 'https://github.com/' }, 'dotcom'],
  ['the issuer of github.com', { issuer: 'https://token.actions.githubusercontent.com' }, 'dotcom'],
  ['the issuer as the url', { url: 'https://token.actions.githubusercontent.com' }, 'dotcom'],
  ['the slug of an enterprise', { enterprise: 'octocat-inc' }, 'enterprise'],
  ['both, and they agree', { url: 'https://github.com', enterprise: 'octocat-inc' }, 'enterprise'],
  ['the page of an enterprise', { url: 'https://github.com/enterprises/octocat-inc' }, 'enterprise'],
  ['the issuer of an enterprise', { issuer: 'https://token.actions.githubusercontent.com/octocat-inc' }, 'enterprise'],
  ['that issuer as the url', { url: 'https://token.actions.githubusercontent.com/octocat-inc/' }, 'enterprise'],
  ['a tenant of ghe.com', { url: 'https://octocorp.ghe.com' }, 'tenant'],
  ['the address of its API', { url: 'https://api.octocorp.ghe.com' }, 'tenant'],
  ['its issuer', { issuer: 'https://token.actions.octocorp.ghe.com' }, 'tenant'],
  ['a tenant and its slug', { url: 'https://octocorp.ghe.com', enterprise: 'octocorp' }, 'tenantEnterprise'],
  ['the page of a tenant', { url: 'https://octocorp.ghe.com/enterprises/octocorp' }, 'tenantEnterprise'],
  ['the issuer of both', { issuer: 'https://token.actions.octocorp.ghe.com/octocorp' }, 'tenantEnterprise'],
  ['an Enterprise Server', { url: 'https://github.example.com' }, 'server'],
  ['its issuer as the url', { url: 'https://github.example.com/_services/token' }, 'server'],
  ['the issuer of a server', { issuer: 'https://github.example.com/_services/token' }, 'server'],
]

describe('a GitHub', () => {
  test.each(written)('by %s: %j', (_, fields, kind) => {
    const { sources, findings } = parse({ slug: 'github', platform: 'github', ...fields })
    expect(findings).toEqual([])
    expect(sources[0]).toMatchObject({
      issuer: discovery[kind].issuer,
      keys: { jwksUrl: discovery[kind].jwks_uri },
    })
  })

  test.each([
    ['an enterprise of a server', { url: 'https://github.example.com', enterprise: 'acme' }, /neither/],
    ['two enterprises', { url: 'https://github.com/enterprises/acme', enterprise: 'other' }, /"acme".*"other"/],
    ['an organisation as the url', { url: 'https://github.com/acme' }, /remove "\/acme"/],
    ['an issuer and an enterprise', { issuer: 'https://a.example', enterprise: 'acme' }, /set only one of them/],
    ['no slug', { enterprise: 'acme inc' }, /not the slug/],
    ['an issuer with a slash', { issuer: 'https://token.actions.githubusercontent.com/' }, /ends with "\/"/],
  ])('is refused with %s', (_, fields, wrong) => {
    const { sources, findings } = parse({ slug: 'github', platform: 'github', ...fields })
    expect(sources).toEqual([])
    expect(findings).toEqual([
      expect.objectContaining({ severity: 'error', wrong: expect.stringMatching(wrong), example: expect.any(String) }),
    ])
  })

  test('is the only one with enterprises', () => {
    const { findings } = parse({ slug: 'gitlab', platform: 'gitlab', enterprise: 'acme' })
    expect(findings).toMatchObject([{ severity: 'error', code: 'source-issuer' }])
  })
})

describe('sources of all kinds beside each other', () => {
  const { sources, findings } = parse(
    { slug: 'dotcom', platform: 'github' },
    { slug: 'enterprise', platform: 'github', enterprise: 'octocat-inc' },
    { slug: 'tenant', platform: 'github', url: 'https://octocorp.ghe.com' },
    { slug: 'tenantEnterprise', platform: 'github', url: 'https://octocorp.ghe.com', enterprise: 'octocorp' },
    { slug: 'server', platform: 'github', url: 'https://github.example.com' },
  )
  const { rules } = parseRules(
    sources.map(({ slug }) => ({ source: slug, claims: { repository_owner_id: '501' }, push: '{repository}' })),
    sources,
  )
  const names = { application: 'a', groups: { push: 'a', pull: 'b' }, session: sessionNames }
  const policy = loadPolicy(compileDocument(sources, rules, names))

  test('are taken, though some share their keys', () => expect(findings).toEqual([]))

  test.each(Object.entries(discovery))('tell a token of %s by its issuer', (slug, { issuer }) => {
    if (policy === undefined) throw new Error('no policy')
    const claims = { iss: issuer, aud: AUDIENCE, exp: 2_000, repository: 'octocat-inc/app', repository_owner_id: '501' }
    const check = checkToken(policy, { header: { alg: 'RS256', kid: '1' }, claims }, 1_000)
    expect(check).toMatchObject({ ok: true, source: { slug } })
  })

  test('say of an enterprise that is not among them what helps', () => {
    if (policy === undefined) throw new Error('no policy')
    const claims = { iss: 'https://token.actions.githubusercontent.com/acme', aud: AUDIENCE, exp: 2_000 }
    const check = checkToken(policy, { header: { alg: 'RS256', kid: '1' }, claims }, 1_000)
    expect(check).toMatchObject({
      code: 'issuer-unknown',
      sentence: expect.stringMatching(/source of enterprise "acme"$/),
    })
  })
})
