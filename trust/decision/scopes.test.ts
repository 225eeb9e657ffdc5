import { expect, test } from 'vitest'
import { MAX_SCOPES } from '../limits.ts'
import { parseScopes } from './scopes.ts'

const parsed = (...scopes: string[]) =>
  parseScopes(scopes).map(({ type, name, actions }) => [type, name, [...actions].join(',')])

test.each([
  ['repository:acme/app:pull,push', [['repository', 'acme/app', 'pull,push']]],
  ['repository:acme/app:push,pull,push', [['repository', 'acme/app', 'pull,push']]],
  ['repository:localhost:5000/acme/app:pull', [['repository', 'localhost:5000/acme/app', 'pull']]],
  ['repository:acme/app:pull,', [['repository', 'acme/app', 'pull']]],
  ['repository:acme/app:', [['repository', 'acme/app', '']]],
  ['repository:acme/app:*', [['repository', 'acme/app', 'pull,push,delete']]],
  ['repository:acme/app:*,admin,PULL', [['repository', 'acme/app', 'pull,push,delete']]],
  ['repository:acme/app:**,admin,PULL', [['repository', 'acme/app', '']]],
  ['repository:acme/app', []],
  ['repository(plugin):acme/app:pull', []],
  ['registry:catalog:*', [['registry', 'catalog', '*']]],
  ['registry:catalog:pull', [['registry', 'catalog', '']]],
  ['registry:other:*', []],
  ['openid profile', []],
  ['repository::pull', []],
  ['repository:Acme/App:pull', []],
  ['repository:acme/*:pull', []],
  ['::', []],
  ['', []],
])('%s', (scope, expected) => {
  expect(parsed(scope)).toEqual(expected)
})

test('merges what is asked twice, in one parameter or in several', () => {
  expect(parsed('repository:a:pull repository:b:pull', 'repository:a:push')).toEqual([
    ['repository', 'a', 'pull,push'],
    ['repository', 'b', 'pull'],
  ])
})

test('looks at so many scopes and no more', () => {
  const many = Array.from({ length: MAX_SCOPES + 1 }, (_, index) => `repository:a${index}:pull`)
  expect(parsed(...many)).toHaveLength(MAX_SCOPES)
  expect(parsed(many.join(' '))).toHaveLength(MAX_SCOPES)
})
