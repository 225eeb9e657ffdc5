import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Glob } from '../decision/glob.ts'
import { type Grant, patternCovers, ruleCovers } from './covers.ts'

describe('patternCovers', () => {
  test.each([
    ['**', 'acme/*', true],
    ['*', 'acme', true],
    ['refs/heads/**', 'refs/heads/release/*', true],
    ['refs/heads/*', 'refs/heads/**', false],
    ['refs/heads/*', 'refs/heads/a/b', false],
    ['acme/*', '*/*', false],
    ['a*c', 'a*b*c', true],
    ['a*b*c', 'a*c', false],
  ])('%s covers %s: %s', (wide, narrow, expected) => {
    expect(patternCovers(wide, narrow)).toBe(expected)
  })

  test('is never wrong where it says yes', () => {
    const pattern = fc.array(fc.constantFrom('a', 'b', '/', '*', '**'), { maxLength: 6 }).map((parts) => {
      return parts.join('').replaceAll(/\*{3,}/g, '**')
    })
    const text = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 }).map((letters) => letters.join(''))
    let covered = 0
    fc.assert(
      fc.property(pattern, pattern, fc.array(text, { minLength: 20, maxLength: 20 }), (wide, narrow, texts) => {
        if (!patternCovers(wide, narrow)) return
        covered += 1
        for (const sample of texts) {
          if (new Glob(narrow).matches(sample)) expect(new Glob(wide).matches(sample)).toBe(true)
        }
      }),
      { numRuns: 2_000 },
    )
    expect(covered).toBeGreaterThan(50)
  })
})

describe('ruleCovers', () => {
  const rule = (settings: Partial<Parameters<typeof ruleCovers>[0]>) => ({
    number: 1,
    source: 'github',
    claims: [['repository_owner_id', ['501', '502']]] as const,
    push: [],
    pull: [],
    delete: [],
    catalog: false,
    ...settings,
  })
  const grant = (settings: Partial<Grant> = {}): Grant => ({
    source: 'github',
    platform: 'github',
    claims: new Map([['repository_owner_id', ['501']]]),
    action: 'push',
    template: '{repository}',
    ...settings,
  })
  const main = new Map([
    ['repository_owner_id', ['501']],
    ['ref', ['refs/heads/main']],
  ])

  test('a rule with fewer claims covers one with more, and never the other way round', () => {
    expect(ruleCovers(rule({ push: ['{repository}'] }), grant({ claims: main }))).toBe(true)
    const narrow = rule({ claims: [...main], push: ['{repository}'] })
    expect(ruleCovers(narrow, grant())).toBe(false)
  })
  test('a push covers a pull of the same name', () => {
    expect(ruleCovers(rule({ push: ['{repository}'] }), grant({ action: 'pull' }))).toBe(true)
    expect(ruleCovers(rule({ pull: ['{repository}'] }), grant())).toBe(false)
  })
  test('a repository lies below its owner', () => {
    expect(ruleCovers(rule({ pull: ['{repository_owner}/**'] }), grant({ action: 'pull' }))).toBe(true)
    expect(ruleCovers(rule({ pull: ['{repository_owner}/*'] }), grant({ action: 'pull' }))).toBe(true)
    expect(ruleCovers(rule({ pull: ['{actor}/**'] }), grant({ action: 'pull' }))).toBe(false)
  })
  test('a claim that a job must have with one value is that value in a name', () => {
    const claims = new Map([['repository', ['Acme/App']]])
    const wide = rule({ claims: [...claims], push: ['{repository}'] })
    expect(ruleCovers(wide, grant({ claims, template: 'acme/app' }))).toBe(true)
    expect(ruleCovers(wide, grant({ claims, template: 'acme/other' }))).toBe(false)
  })
  test('names are compared as their platform does', () => {
    const owner = (name: string): [string, string[]][] => [['repository_owner', [name]]]
    const wide = rule({ claims: owner('Acme'), push: ['{repository}'] })
    expect(ruleCovers(wide, grant({ claims: new Map(owner('acme')) }))).toBe(true)
    expect(ruleCovers(wide, grant({ claims: new Map(owner('acme')), platform: 'oidc' }))).toBe(false)
  })
})
