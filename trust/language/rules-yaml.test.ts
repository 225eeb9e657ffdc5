import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from './rules.fixture.ts'
import { parseYaml } from './rules-yaml.ts'

describe('YAML', () => {
  test('of the README is rules without mistakes', () => {
    const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
    const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(readme) ?? []
    const { value } = parseYaml(yaml)
    const { rules, findings } = parse((value as Record<string, unknown>)['passwordless-registry:trust'])
    expect(findings).toEqual([])
    expect(rules.map(({ number }) => number)).toEqual([1, 2])
  })
  test('is read to a plain value', () => {
    expect(parseYaml('- source: github\n  any: true\n')).toEqual({
      value: [{ source: 'github', any: true }],
      findings: [],
    })
  })
  test('with a key twice is refused, and the place is named', () => {
    const { value, findings } = parseYaml('- source: github\n  claims:\n    ref: a\n    ref: b\n')
    expect(value).toBeUndefined()
    expect(findings).toMatchObject([{ code: 'duplicate-key', wrong: 'a key appears twice at line 4, column 5' }])
  })
  test('that is none is refused', () => {
    expect(parseYaml('a: [').findings).toMatchObject([{ code: 'yaml-invalid' }])
    const aliases = Array.from(
      { length: 9 },
      (_, index) => `a${index + 1}: &a${index + 1} [${`*a${index},`.repeat(9)}]`,
    )
    expect(parseYaml(['a0: &a0 [x]', ...aliases].join('\n')).findings).toMatchObject([{ code: 'yaml-invalid' }])
  })
})
