/** The expressions that authentik runs: files in `expressions/`, each with the shared one in front. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderExpression } from '../../trust/expression.ts'

export type ExpressionName = 'trust_policy' | 'docker_registry' | 'ci_session'

/** The text of an expression as authentik is given it. @throws as {@link renderExpression} */
export function expression(name: ExpressionName): string {
  const [shared, body] = ['trust', name].map((file) =>
    readFileSync(join(import.meta.dirname, 'expressions', `${file}.py`), 'utf8'),
  ) as [string, string]
  return renderExpression(shared, body)
}
