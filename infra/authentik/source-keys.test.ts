import { describe, expect, it } from 'vitest'
import { sourceKeys, sourceSchema } from './source-keys.ts'

const keysOf = (source: object) => sourceKeys(sourceSchema.parse({ slug: 'ci', ...source }))

describe('sourceKeys', () => {
  it.each([
    [{ platform: 'github' }, 'https://token.actions.githubusercontent.com/.well-known/jwks'],
    [{ platform: 'github', url: 'https://ghe.example/' }, 'https://ghe.example/_services/token/.well-known/jwks'],
    [{ platform: 'github', jwksUrl: 'http://issuers/jwks' }, 'http://issuers/jwks'],
    [{ platform: 'gitlab', jwksUrl: 'http://issuers/jwks' }, 'http://issuers/jwks'],
  ])('%o: key set', (source, oidcJwksUrl) => {
    expect(keysOf(source)).toMatchObject({ oidcJwksUrl })
  })

  it.each([
    [{ platform: 'gitlab' }, 'https://gitlab.com/.well-known/openid-configuration'],
    [
      { platform: 'gitlab', url: 'https://git.example/sub/' },
      'https://git.example/sub/.well-known/openid-configuration',
    ],
    [{ platform: 'github', wellKnownUrl: 'http://issuers/openid' }, 'http://issuers/openid'],
  ])('%o: discovery document', (source, oidcWellKnownUrl) => {
    expect(keysOf(source)).toEqual({ oidcWellKnownUrl })
  })

  it('fills in what authentik wants beside a key set', () => {
    const unused = 'http://issuers:9080/unused'
    expect(keysOf({ platform: 'github', jwksUrl: 'http://issuers:9080/github/jwks' })).toEqual({
      oidcJwksUrl: 'http://issuers:9080/github/jwks',
      authorizationUrl: unused,
      accessTokenUrl: unused,
      profileUrl: unused,
    })
  })
})
