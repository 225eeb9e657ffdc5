/** The expressions that authentik runs: files in `expressions/`, each preceded by the shared one. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** From about 64 KB on, a policy blocks a worker of authentik for good (docs/observed-behaviour.md). */
export const MAX_EXPRESSION_BYTES = 32 * 1024

export type ExpressionName = 'trust_policy' | 'docker_registry' | 'ci_session'

/** The text of an expression for authentik. @throws as {@link renderExpression} */
export function expression(name: ExpressionName): string {
  const [shared, body] = ['trust', name].map((file) =>
    readFileSync(join(import.meta.dirname, 'expressions', `${file}.py`), 'utf8'),
  ) as [string, string]
  return renderExpression(shared, body)
}

/**
 * The whole text of an expression, stripped as authentik strips it (else every preview would show a change).
 *
 * @param shared the text of `trust.py`
 * @param body the text of the expression itself
 * @throws if it is longer than authentik can run as a policy
 */
export function renderExpression(shared: string, body: string): string {
  const text = `${shared.trim()}\n\n\n${body.trim()}`
  const size = Buffer.byteLength(text)
  if (size > MAX_EXPRESSION_BYTES) {
    throw new Error(
      `the expression is ${size} bytes long; at most ${MAX_EXPRESSION_BYTES} are safe, as a longer policy blocks authentik`,
    )
  }
  return text
}
