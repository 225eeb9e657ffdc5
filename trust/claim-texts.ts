/** Which claims can be held against patterns, and as what text. */
import { MAX_CLAIM_BYTES } from './limits.ts'

/** The payload of a JWT, as JSON says it. */
export type Claims = Readonly<Record<string, unknown>>
/** Claims by name, each as the text that patterns are held against. */
export type ClaimTexts = ReadonlyMap<string, string>

/**
 * Each claim as its text. Booleans and whole numbers are their JSON text. Lists, objects, fractions, null, anything
 * longer than the limit and anything that is not proper Unicode have no text, which is as good as absent.
 */
export function claimTexts(claims: Claims): ClaimTexts {
  const texts = new Map<string, string>()
  for (const [name, value] of Object.entries(claims)) {
    const text = claimText(value)
    if (text !== undefined) texts.set(name, text)
  }
  return texts
}

function claimText(value: unknown): string | undefined {
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value)
  if (typeof value !== 'string' || !value.isWellFormed()) return undefined
  return Buffer.byteLength(value) <= MAX_CLAIM_BYTES ? value : undefined
}
