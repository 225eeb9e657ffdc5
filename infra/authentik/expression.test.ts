import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pythonString, renderExpression } from './expression.ts'

describe('pythonString', () => {
  it('leaves the usual names readable', () => {
    expect(pythonString('acl_docker_push')).toBe('"acl_docker_push"')
  })

  it.each(['"', "'", '\\', '\n', '\r', '\u2028', '\u0085', '\f', '{', '$&', 'ä', '😀', '"""', '#', '\0'])(
    'keeps %j inside the literal',
    (hostile) => {
      const literal = pythonString(hostile)
      expect(literal).toMatch(/^"(\\U[0-9a-f]{8})+"$/)
      const back = literal
        .slice(1, -1)
        .replace(/\\U([0-9a-f]{8})/g, (_, hex) => String.fromCodePoint(parseInt(hex, 16)))
      expect(back).toBe(hostile)
    },
  )
})

describe('renderExpression', () => {
  it('sets the constants and strips what authentik strips, and changes nothing else', () => {
    expect(renderExpression('A = "x"  # why\nB = "y"\nreturn A + B\n', { A: '$&' })).toBe(
      'A = "\\U00000024\\U00000026"\nB = "y"\nreturn A + B',
    )
  })

  it('finds both groups in the real file', () => {
    const source = readFileSync(join(import.meta.dirname, 'expressions', 'docker_registry.py'), 'utf8')
    const text = renderExpression(source, { PUSH_GROUP: 'writers', PULL_GROUP: 'readers' })
    expect(text).toContain('PUSH_GROUP = "writers"\nPULL_GROUP = "readers"\n')
    expect(text).not.toContain('acl_docker')
  })

  it.each(['return 1', 'A = 1\nA = 2'])('refuses a file in which a constant has not exactly one line: %j', (source) => {
    expect(() => renderExpression(source, { A: 'x' })).toThrow('expected one line "A = ..."')
  })
})
