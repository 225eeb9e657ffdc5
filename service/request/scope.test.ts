import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TokenError } from '../errors.ts'
import { limits } from '../limits.ts'
import { mergeScopes, parseScope } from './scope.ts'

describe('parseScope', () => {
  it.each([
    ['repository:acme/app:pull,push', { type: 'repository', name: 'acme/app', actions: ['pull', 'push'] }],
    [
      'repository:localhost:5000/acme/app:pull',
      { type: 'repository', name: 'localhost:5000/acme/app', actions: ['pull'] },
    ],
    [
      'repository:Registry.Example.com/app:pull',
      { type: 'repository', name: 'Registry.Example.com/app', actions: ['pull'] },
    ],
    ['repository(plugin):acme/app:pull', { type: 'repository', class: 'plugin', name: 'acme/app', actions: ['pull'] }],
    ['registry:catalog:*', { type: 'registry', name: 'catalog', actions: ['*'] }],
    ['repository:a__b/c-d.e_f/g--h:push', { type: 'repository', name: 'a__b/c-d.e_f/g--h', actions: ['push'] }],
    ['repository:acme/app:', { type: 'repository', name: 'acme/app', actions: [] }],
    ['repository:acme/app:pull,,pull,', { type: 'repository', name: 'acme/app', actions: ['pull'] }],
  ])('reads %s', (text, expected) => {
    expect(parseScope(text)).toEqual(expected)
  })

  it.each([
    'openid',
    'repository:acme/app',
    'repository::pull',
    ':acme/app:pull',
    'Repository:acme/app:pull',
    'repository():acme/app:pull',
    'repository:acme/App:pull',
    'repository:acme//app:pull',
    'repository:acme/../app:pull',
    'repository:/acme/app:pull',
    'repository:acme/app/:pull',
    'repository:acme/a___b:pull',
    'repository:acme/app:PULL',
    'repository:host:port/acme/app:pull',
    'repository:acme/app:5000:pull',
    'repository:acme/app:pull\n',
  ])('knows that %j is none', (text) => {
    expect(parseScope(text)).toBeUndefined()
  })

  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/)
  const component = fc
    .array(fc.tuple(fc.constantFrom('.', '_', '__', '-', '---'), word), { maxLength: 3 })
    .chain((rest) => word.map((first) => first + rest.flat().join('')))
  const host = fc.oneof(
    fc.constant(''),
    fc.stringMatching(/^[A-Za-z0-9]([a-z-]{0,5}[a-z])?(\.[a-z]{1,3})?(:[0-9]{1,5})?\/$/),
  )
  const scope = fc.record({
    type: word,
    class: fc.option(word, { nil: undefined }),
    name: fc.tuple(host, fc.array(component, { minLength: 1, maxLength: 4 })).map(([h, parts]) => h + parts.join('/')),
    actions: fc.uniqueArray(fc.stringMatching(/^[a-z*]{1,6}$/), { maxLength: 4 }),
  })

  it('takes apart whatever the grammar can put together', () => {
    fc.assert(
      fc.property(scope, ({ type, class: resourceClass, name, actions }) => {
        const text = `${type}${resourceClass ? `(${resourceClass})` : ''}:${name}:${actions.join(',')}`
        const expected = { type, ...(resourceClass ? { class: resourceClass } : {}), name, actions }
        expect(parseScope(text)).toEqual(expected)
      }),
    )
  })

  it('never throws and never takes long, whatever it is given', () => {
    const hostile = fc.oneof(fc.string(), fc.stringMatching(/^repository:[a-z.:/_-]{0,500}:pull!?$/))
    fc.assert(
      fc.property(hostile, (text) => {
        const started = performance.now()
        parseScope(text)
        expect(performance.now() - started).toBeLessThan(200)
      }),
    )
  })
})

describe('mergeScopes', () => {
  it('splits, merges and keeps order and spelling', () => {
    expect(mergeScopes(['repository:b:pull  repository:a:pull', '', 'repository:b:pull', 'odd-one'], limits)).toEqual([
      'repository:b:pull',
      'repository:a:pull',
      'odd-one',
    ])
  })

  it('takes as many and as long ones as the limits say, and no more', () => {
    const many = Array.from({ length: limits.scopeCount }, (_, index) => `repository:r${index}:pull`)
    expect(mergeScopes(many, limits)).toHaveLength(limits.scopeCount)
    expect(() => mergeScopes([...many, 'one-more'], limits)).toThrow(/asks for 101 scopes; at most 100/)
    const long = 'x'.repeat(limits.scopeLength)
    expect(mergeScopes([long], limits)).toEqual([long])
    expect(() => mergeScopes([`${long}x`], limits)).toThrow(/has 513 characters; at most 512/)
  })

  it.each(['a"b', 'a\\b', 'a\tb', 'a\nb', 'a\u0000b', 'ä', '\u{1f40b}', 'a\u00a0b', '\ufffd'])('refuses %j', (text) => {
    expect(() => mergeScopes([text], limits)).toThrow(expect.objectContaining({ reason: 'scope_malformed' }))
  })

  it('gives scope tokens only, each once, or a TokenError that repeats nothing of what came', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 600, unit: 'binary' }), { maxLength: 120 }), (parameters) => {
        try {
          const scopes = mergeScopes(parameters, limits)
          expect(new Set(scopes).size).toBe(scopes.length)
          for (const scope of scopes) expect(scope).toMatch(/^[!#-[\]-~]{1,512}$/)
        } catch (error) {
          expect(error).toBeInstanceOf(TokenError)
          expect((error as TokenError).message).toMatch(/^[\x20-\x7e]+$/)
        }
      }),
    )
  })
})
