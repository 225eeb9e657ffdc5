/** How a mistake in a setting is reported. */
import type { z } from 'zod'
import { withoutSecrets } from '../trust/language/http-url.ts'

export const PROJECT = 'passwordless-registry'

/** A setting that is wrong: what was expected, what came, and the command that sets it. */
export const mistake = (key: string, expected: string, came: string, command: string) =>
  `${key}: expected ${expected}; it is ${came}.\n  pulumi config set ${command}`

/** A value for a message: short, since it may be a whole file pasted by accident, and without passwords. */
export function shown(value: string | undefined): string {
  const MAX_SHOWN = 60
  if (!value) return 'not set'
  const text = withoutSecrets(value)
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text)
}

/**
 * What came where the mistake is. Of a map with too many fields only their names: a value that belongs elsewhere may be
 * secret.
 */
export function cameInstead(value: string, issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `one with ${issue.keys.map((key) => `"${key}"`).join(', ')}`
  if (issue.path.length === 0) return shown(value)
  const at = issue.path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key],
    fromJson(value),
  )
  return shown(at === undefined ? undefined : typeof at === 'string' ? at : JSON.stringify(at))
}

/** Lists and maps arrive as JSON text. Anything else stays as it is, for the schema to refuse. */
export function fromJson(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
