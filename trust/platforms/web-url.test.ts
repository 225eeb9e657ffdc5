import { describe, expect, it } from 'vitest'
import { githubIssuer } from './github-issuer.ts'
import { webUrl } from './web-url.ts'

describe('webUrl', () => {
  it.each([
    [{}, 'https://github.com'],
    [{ enterprise: 'acme' }, 'https://github.com'],
    [{ url: 'https://acme.ghe.com' }, 'https://acme.ghe.com'],
    [{ url: 'https://acme.ghe.com', enterprise: 'acme' }, 'https://acme.ghe.com'],
    [{ url: 'https://github.example.com' }, 'https://github.example.com'],
  ])('of the GitHub %j is where its people are', (address, web) => {
    const made = githubIssuer(address)
    if ('wrong' in made) throw new Error(made.wrong)
    expect(webUrl({ platform: 'github', issuer: made.issuer })).toBe(web)
  })

  it('of a GitLab is its issuer, and of others nothing is known', () => {
    expect(webUrl({ platform: 'gitlab', issuer: 'https://gitlab.example.com/' })).toBe('https://gitlab.example.com')
    expect(webUrl({ platform: 'github', issuer: 'http://issuers.test/github' })).toBeUndefined()
    expect(webUrl({ platform: 'oidc', issuer: 'https://kubernetes.default.svc' })).toBeUndefined()
  })
})
