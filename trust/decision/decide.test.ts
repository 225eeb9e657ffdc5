import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nearestRule } from '../explain/nearest-rule.ts'
import { compileDocument } from '../language/document.ts'
import type { Platform } from '../platforms/platform-claims.ts'
import { claimTexts } from './claim-texts.ts'
import { decide } from './decide.ts'
import { document, githubClaims, policy, policyOf } from './policy.fixture.ts'

const access = (claims: object, ...scopes: string[]) =>
  decide(policy, 'github', { ...githubClaims, ...claims }, scopes).access.map(
    ({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`,
  )

describe('a decision', () => {
  test.each([
    ['push to the own path', {}, 'repository:acme/app:push,pull', ['repository:acme/app:pull,push']],
    ['push below the own path', {}, 'repository:acme/app/web:push', ['repository:acme/app/web:push']],
    ['push implies pull', {}, 'repository:acme/app:pull', ['repository:acme/app:pull']],
    ['pull of the owner', {}, 'repository:acme/other:pull,push', ['repository:acme/other:pull']],
    ['a tag', { ref: 'refs/tags/v1' }, 'repository:acme/app:push', ['repository:acme/app:push']],
    ['push elsewhere', {}, 'repository:acme/other:push', []],
    ['a name that begins alike', {}, 'repository:acme/app2:push', []],
    ['an owner that begins alike', {}, 'repository:acme-evil/app:pull', []],
    ['delete without a rule for it', {}, 'repository:acme/app:delete', []],
    ['the catalog without a rule for it', {}, 'registry:catalog:*', []],
    ['delete by its own rule', { repository_id: '7' }, 'repository:acme/app:delete', ['repository:acme/app:delete']],
    ['the catalog by its own rule', { repository_id: '7' }, 'registry:catalog:*', ['registry:catalog:*']],
    ['another branch', { ref: 'refs/heads/dev' }, 'repository:acme/app:push', []],
    ["a fork's pull request", { ref: 'refs/pull/1/merge' }, 'repository:acme/app:push,pull', []],
    ['a deeper tag', { ref: 'refs/tags/a/b' }, 'repository:acme/app:push', []],
    ['another owner', { repository_owner_id: '502' }, 'repository:acme/app:push', []],
    ['a look-alike owner id', { repository_owner_id: '５01' }, 'repository:acme/app:push', []],
    ['an id as a list', { repository_owner_id: ['501'] }, 'repository:acme/app:push', []],
    ['a star for a repository', { repository: '*' }, 'repository:acme/app:push', []],
    ['stars for a repository', { repository: '**' }, 'repository:acme/app:push', []],
    ['dots in a repository', { repository: 'acme/../evil' }, 'repository:evil:push repository:acme/../evil:push', []],
    ['a port in a name', {}, 'repository:localhost:5000/acme/app:push', []],
    ['every action: what is granted', {}, 'repository:acme/app:*', ['repository:acme/app:pull,push']],
    ['every action where only pull is', {}, 'repository:acme/other:*', ['repository:acme/other:pull']],
    ['every action elsewhere', {}, 'repository:evil/app:*', []],
    [
      'every action with a rule for delete',
      { repository_id: '7' },
      'repository:acme/app:*',
      ['repository:acme/app:pull,push,delete'],
    ],
    ['the same asked often', {}, 'repository:acme/app:push repository:acme/app:push,', ['repository:acme/app:push']],
  ])('%s', (_, claims, scope, expected) => {
    expect(access(claims, scope)).toEqual(expected)
  })

  test('grants a mount its source and its target', () => {
    const scopes = ['repository:acme/app:push,pull', 'repository:acme/base:pull']
    expect(access({}, ...scopes)).toEqual(['repository:acme/app:pull,push', 'repository:acme/base:pull'])
  })
  test('says which rule grants what', () => {
    const decision = decide(policy, 'github', { ...githubClaims, repository_id: '7' }, [
      'repository:acme/app:push,delete',
    ])
    expect(decision.rules).toEqual([1, 2])
    expect(decision.scopes[0]?.granted).toEqual([
      { action: 'push', rule: 1 },
      { action: 'delete', rule: 2 },
    ])
  })
  test('is no for a source that is not there, and for rules of another source', () => {
    expect(decide(policy, 'other', githubClaims, ['repository:acme/app:pull']).rules).toEqual([])
    expect(decide(policy, 'gitlab', githubClaims, ['repository:acme/app:pull']).access).toEqual([])
  })

  test('never grants what was not asked, whatever the claims and the scopes', () => {
    const word = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('acme/app', '**', '*', 'registry', 'push', '..'),
    )
    const claims = fc.record({ repository: word, repository_owner: word })
    fc.assert(
      fc.property(
        claims,
        fc.array(fc.tuple(word, word).map(([name, action]) => `repository:${name}:${action}`)),
        (has, scopes) => {
          for (const { name, actions } of decide(policy, 'github', { ...githubClaims, ...has }, scopes).access) {
            for (const action of actions) {
              expect([action, '*'].some((asked) => scopes.includes(`repository:${name}:${asked}`))).toBe(true)
            }
            expect(name.split('/')[0]).toBe(
              (name === has.repository ? has.repository : has.repository_owner).toLowerCase().split('/')[0],
            )
          }
        },
      ),
    )
  })
})

describe('names', () => {
  const matches = (platform: Platform, claim: string, pattern: string, text: string) => {
    const source = { slug: 'a', platform, issuer: 'https://a.example', audience: 'a', keys: { jwksUrl: 'https://a' } }
    const rule = { number: 1, source: 'a', claims: [[claim, [pattern]]] as const, push: [], pull: ['**'], delete: [] }
    const compiled = policyOf(compileDocument([source], [{ ...rule, catalog: false }], document))
    return decide(compiled, 'a', { [claim]: text }, ['repository:x:pull']).access.length > 0
  }
  test.each<[Platform, string, string, string, boolean]>([
    ['github', 'repository_owner', 'acme', 'Acme', true],
    ['github', 'repository_owner', 'ACME', 'acme', true],
    ['github', 'repository', 'Acme/*', 'acme/App', true],
    ['github', 'repository_owner', 'acme', 'acme-evil', false],
    ['github', 'repository_owner', '\u212acme', 'kcme', false],
    ['github', 'repository_owner', 'acm\u00c9', 'acm\u00e9', false],
    ['github', 'ref', 'refs/heads/Main', 'refs/heads/main', false],
    ['github', 'environment', 'Production', 'production', false],
    ['gitlab', 'namespace_path', 'Acme/**', 'acme/Sub/Group', true],
    ['gitlab', 'project_path', 'acme/app', 'Acme/App', true],
    ['oidc', 'repository_owner', 'acme', 'Acme', false],
  ])('of %s compare as the platform compares them: %s %j and %j', (platform, claim, pattern, text, expected) => {
    expect(matches(platform, claim, pattern, text)).toBe(expected)
  })

  test('in another case are not what the nearest rule missed', () => {
    const source = policy.sources.get('gitlab')
    const texts = claimTexts({ namespace_id: '73', namespace_path: 'ACME' })
    expect(source && nearestRule(source, texts)?.misses.map(({ claim }) => claim)).toEqual(['namespace_id'])
  })
})

describe('the nearest rule', () => {
  const source = policy.sources.get('github')
  test('is the one with the fewest claims missed', () => {
    const texts = claimTexts({ ...githubClaims, ref: 'refs/heads/dev', repository_id: undefined })
    expect(source && nearestRule(source, texts)).toEqual({
      number: 1,
      misses: [{ claim: 'ref', wanted: ['refs/heads/main', 'refs/tags/*'], got: 'refs/heads/dev' }],
    })
  })
  test('says when a claim is absent', () => {
    expect(source && nearestRule(source, claimTexts({}))).toEqual({
      number: 2,
      misses: [{ claim: 'repository_id', wanted: ['7'], got: undefined }],
    })
  })
  test('is none where there are no rules', () => {
    expect(source && nearestRule({ ...source, rules: [] }, claimTexts({}))).toBeUndefined()
  })
})
