/** A short name for the rules of a source, by which two places see that they have the same without showing them. */
import { createHash } from 'node:crypto'
import type { TrustDocument } from './policy.ts'

/** 64 bits: enough to tell versions of one stack's rules apart; it is not a signature. */
const SHOWN_CHARACTERS = 16

/** @returns hexadecimal digits; the same for the same rules, whatever the order of keys in the document */
export function rulesDigest({ slug, platform, issuer, audience, rules }: TrustDocument['sources'][number]): string {
  const all = rules.map((rule) => [rule.number, rule.claims, rule.push, rule.pull, rule.delete, rule.catalog])
  const text = JSON.stringify([slug, platform, issuer, audience, all])
  return createHash('sha256').update(text).digest('hex').slice(0, SHOWN_CHARACTERS)
}
