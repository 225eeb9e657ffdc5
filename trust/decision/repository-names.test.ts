import { describe, expect, test } from 'vitest'
import { claimTexts } from './claim-texts.ts'
import {
  insertClaims,
  isRepositoryPath,
  isResourceName,
  parseTemplate,
  repositoryPaths,
  templateClaims,
} from './repository-names.ts'

describe('a repository name', () => {
  test.each(['acme', 'acme/app', 'a.b_c__d-e---f/0', 'a/b/c/d', 'a'.repeat(255)])('%s is one', (name) => {
    expect(isRepositoryPath(name)).toBe(true)
  })
  test.each([
    ...['', '/', 'acme/', '/acme', 'a//b', 'Acme', '.a', 'a.', 'a..b', 'a___b', 'a b', 'a\n', 'a*', 'é', '\u212a'],
    ...['host:5000/a', 'a'.repeat(256), '..', 'a/../b', '-a', 'a-'],
  ])('%j is none', (name) => {
    expect(isRepositoryPath(name)).toBe(false)
  })
  test('may have a host with a port before it in a scope', () => {
    expect(isResourceName('localhost:5000/acme/app')).toBe(true)
    expect(isResourceName('registry.example.com:5000/acme/app')).toBe(true)
    expect(isResourceName('localhost:/acme/app')).toBe(false)
    expect(isResourceName('localhost:5000')).toBe(false)
    expect(isResourceName('Localhost:5000/acme')).toBe(false)
  })
})

describe('a name template', () => {
  const insert = (template: string, claims: Record<string, unknown>) =>
    insertClaims(parseTemplate(template), repositoryPaths(claimTexts(claims)))

  test('names its claims', () => {
    expect(templateClaims('{repository_owner}/x/{ref}')).toEqual(['repository_owner', 'ref'])
  })
  test('has its claims inserted in lower case', () => {
    expect(insert('{repository}/**', { repository: 'Acme/App' })).toBe('acme/app/**')
  })
  test.each([
    ...['*', '**', 'acme/*', '..', 'acme/../evil', 'acme//app', 'acme/app\n', '{ref}', 'acme/\u212a', 'a'.repeat(256)],
    ...['', ' acme', 'acme:5000/app'],
  ])('grants nothing with the claim %j', (repository) => {
    expect(insert('{repository}', { repository, ref: 'x' })).toBeUndefined()
  })
  test('grants nothing when a claim is absent', () => {
    expect(insert('{repository}/{ref}', { repository: 'acme/app' })).toBeUndefined()
  })
})
