/** Puts the Python of an authentik expression together. Nothing is generated: both parts are files, rules are data. */
import { MAX_EXPRESSION_BYTES } from './limits.ts'

/**
 * The whole text of an expression, stripped as authentik strips it (anything else would show as a change for ever).
 *
 * @param shared the text of `trust.py`
 * @param body the text of the expression itself
 * @throws when it grows beyond what authentik can run as a policy
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
