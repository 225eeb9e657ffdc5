/** Trust rules and whole stack files as YAML text. */
import { parseDocument } from 'yaml'
import type { Finding } from './findings.ts'

/**
 * Reads YAML in which no key appears twice: the second would silently replace a claim that narrows a rule.
 *
 * @returns the plain value, or what is wrong with the text; messages name line and column
 */
export function parseYaml(text: string): { value: unknown; findings: Finding[] } {
  const document = parseDocument(text, { uniqueKeys: true, merge: false, prettyErrors: true })
  const findings = [...document.errors, ...document.warnings].map((problem): Finding => {
    const [place] = problem.linePos ?? []
    const where = place === undefined ? '' : ` at line ${place.line}, column ${place.col}`
    const duplicate = problem.code === 'DUPLICATE_KEY'
    return {
      severity: 'error',
      code: duplicate ? 'duplicate-key' : 'yaml-invalid',
      field: '',
      wrong: duplicate
        ? `a key appears twice${where}`
        : `this is not valid YAML${where}: ${problem.message.split('\n')[0]}`,
      example: duplicate ? 'one key with a list: ref: ["refs/heads/main", "refs/tags/*"]' : '- source: github',
    }
  })
  if (findings.length > 0) return { value: undefined, findings }
  try {
    return { value: document.toJS(), findings }
  } catch (cause) {
    // Too many nested aliases, which the library counts only here.
    const wrong = `this is not valid YAML: ${cause instanceof Error ? cause.message : cause}`
    const finding: Finding = { severity: 'error', code: 'yaml-invalid', field: '', wrong, example: 'no aliases' }
    return { value: undefined, findings: [finding] }
  }
}
