/** Which claims can be compared with patterns, and as which text. */
import { MAX_CLAIM_BYTES } from '../limits.ts'
import { caselessClaims, type Platform } from '../platforms/platform-claims.ts'

/** The payload of a JWT, parsed. */
export type Claims = Readonly<Record<string, unknown>>
/** Claims by name, each as the text that is compared with patterns. */
export type ClaimTexts = ReadonlyMap<string, string>

/**
 * Each claim as its text. Booleans and whole numbers are their JSON text. Lists, objects, fractions, null, anything
 * longer than the limit and malformed Unicode have no text, so they count as absent.
 */
export function claimTexts(claims: Claims): ClaimTexts {
  const texts = new Map<string, string>()
  for (const [name, value] of Object.entries(claims)) {
    const text = claimText(value)
    if (text !== undefined) texts.set(name, text)
  }
  return texts
}

/** The texts as rules compare them: names that are case-insensitive on the platform are in lower case. */
export function comparedTexts(platform: Platform, texts: ClaimTexts): ClaimTexts {
  const changed = caselessClaims[platform].flatMap((claim): [string, string][] => {
    const text = texts.get(claim)
    return text !== undefined && UPPER_CASE.test(text) ? [[claim, lowerCase(text)]] : []
  })
  return changed.length === 0 ? texts : new Map([...texts, ...changed])
}

/** The pattern that fits the text of a claim in {@link comparedTexts}. */
export function comparedPattern(platform: Platform, claim: string, pattern: string): string {
  return caselessClaims[platform].includes(claim) ? lowerCase(pattern) : pattern
}

// Only ASCII: toLowerCase would make other letters equal to these, such as the Kelvin sign and k.
const UPPER_CASE = /[A-Z]/
const lowerCase = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())

function claimText(value: unknown): string | undefined {
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value)
  if (typeof value !== 'string' || !value.isWellFormed()) return undefined
  return Buffer.byteLength(value) <= MAX_CLAIM_BYTES ? value : undefined
}
