import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Glob } from '../../trust/decision/glob.ts'
import { anonymousScopes } from './anonymous-pull.ts'

const globs = (...patterns: string[]) => patterns.map((pattern) => new Glob(pattern))
const open = globs('public/**', 'acme/base')

describe('anonymousScopes', () => {
  it.each<[string, string[], string[]]>([
    ['nothing', [], []],
    ['a pull of what is open', ['repository:public/a/b:pull'], ['repository:public/a/b:pull']],
    ['a pull of what is open by name', ['repository:acme/base:pull'], ['repository:acme/base:pull']],
    ['a pull of what is not', ['repository:acme/app:pull'], []],
    ['more than a pull', ['repository:public/a:pull,push,delete'], ['repository:public/a:pull']],
    ['a push alone', ['repository:public/a:push'], []],
    ['every action', ['repository:public/a:*'], ['repository:public/a:pull']],
    ['the catalog', ['registry:catalog:*'], []],
    ['another class', ['repository(plugin):public/a:pull'], []],
    ['another type', ['plugin:public/a:pull'], []],
    ['another case', ['repository:PUBLIC/a:pull'], []],
    ['the folder itself', ['repository:public:pull'], []],
    ['a way out of it', ['repository:public/../acme/app:pull'], []],
    ['a name that only ends so', ['repository:evil/acme/base:pull'], []],
    ['a name that only begins so', ['repository:acme/base2:pull', 'repository:publicity/a:pull'], []],
    ['some of several', ['repository:acme/app:pull', 'repository:public/a:pull,push'], ['repository:public/a:pull']],
    ['the same twice', ['repository:public/a:pull', 'repository:public/a:push'], ['repository:public/a:pull']],
    ['several in one', ['repository:acme/app:pull repository:public/a:pull'], ['repository:public/a:pull']],
    ['what is no scope', ['public/a', ':', '::', 'repository:public/a'], []],
  ])('of %s', (_, asked, given) => expect(anonymousScopes(asked, open)).toEqual(given))

  it('opens nothing where nothing is named', () => {
    expect(anonymousScopes(['repository:public/a:pull'], [])).toEqual([])
  })

  it('gives pulls of open repositories that were asked for, and nothing else, whatever is asked', () => {
    const piece = fc.constantFrom(
      'repository',
      'public',
      'acme',
      'base',
      'a',
      '/',
      ':',
      ',',
      'pull',
      'push',
      '*',
      ' ',
      '(',
      '.',
    )
    const scope = fc.oneof(
      fc.array(piece, { maxLength: 12, size: 'max' }).map((pieces) => pieces.join('')),
      fc.constantFrom('repository:public/a:pull', 'repository:acme/base:pull,push', 'repository:acme/app:pull'),
      fc.string({ unit: 'binary', maxLength: 40 }),
    )
    let given = 0
    fc.assert(
      fc.property(fc.array(scope, { maxLength: 6 }), (asked) => {
        for (const scope of anonymousScopes(asked, open)) {
          given += 1
          const name = /^repository:([a-z0-9/._-]+):pull$/.exec(scope)?.[1] ?? ''
          expect(open.some((pattern) => pattern.matches(name))).toBe(true)
          expect(asked.join(' ')).toContain(`repository:${name}:`)
        }
      }),
      { numRuns: 1000 },
    )
    expect(given).toBeGreaterThan(200)
  })
})
