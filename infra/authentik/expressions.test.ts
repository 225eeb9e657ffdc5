import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DOCUMENT_VERSION } from '../../trust/decision/policy.ts'
import { DOCUMENT_GROUP } from '../../trust/language/document.ts'
import {
  LEEWAY_SECONDS,
  MAX_CLAIM_BYTES,
  MAX_NAME_CHARACTERS,
  MAX_SCOPES,
  MAX_SESSION_CLAIMS_BYTES,
} from '../../trust/limits.ts'
import { caselessClaims } from '../../trust/platforms/platform-claims.ts'
import { MAX_EXPRESSION_BYTES, renderExpression } from './expressions.ts'

const expressions = join(import.meta.dirname, './expressions')
const read = (name: string) => readFileSync(join(expressions, name), 'utf8')
const shared = read('trust.py')

test('an expression is both texts, stripped', () => {
  expect(renderExpression('A = 1\n', '\nreturn A\n')).toBe('A = 1\n\n\nreturn A')
})

test('an expression that would block authentik is refused', () => {
  const largest = '#'.repeat(MAX_EXPRESSION_BYTES - 'A = 1\n\n\n'.length)
  expect(renderExpression('A = 1', largest)).toHaveLength(MAX_EXPRESSION_BYTES)
  expect(() => renderExpression('A = 1', `${largest}#`)).toThrow(`at most ${MAX_EXPRESSION_BYTES}`)
})

describe.each(['trust_policy.py', 'docker_registry.py', 'ci_session.py'])('%s', (name) => {
  test('is small enough, and plain enough to be indented line by line', () => {
    const text = renderExpression(shared, read(name))
    expect(text).toMatch(/^[\n\x20-\x7e]+$/)
  })
})

test.each([
  ['DOCUMENT_GROUP', `"${DOCUMENT_GROUP}"`],
  ['DOCUMENT_VERSION', DOCUMENT_VERSION],
  ['LEEWAY_SECONDS', LEEWAY_SECONDS],
  ['MAX_CLAIM_BYTES', MAX_CLAIM_BYTES],
  ['MAX_NAME_CHARACTERS', MAX_NAME_CHARACTERS],
  ['MAX_SCOPES', MAX_SCOPES],
  ['MAX_SESSION_CLAIMS_BYTES', MAX_SESSION_CLAIMS_BYTES],
])('%s is the same in Python', (name, value) => {
  expect(`${shared}\n${read('ci_session.py')}`).toMatch(new RegExp(`^${name} = ${value}( +#.*)?$`, 'm'))
})

test('names that a platform finds in any case are the same in Python', () => {
  const [, dict = ''] = /^CASELESS = \{\n([\s\S]*?)^\}$/m.exec(shared) ?? []
  const inPython = [...dict.matchAll(/^ {4}"(\w+)": \((.*)\),$/gm)].map(([, platform, names = '']) => [
    platform,
    [...names.matchAll(/"(\w+)"/g)].map(([, name]) => name),
  ])
  expect(Object.fromEntries(inPython)).toEqual(caselessClaims)
})
