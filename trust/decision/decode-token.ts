/** Decodes a JWT without verifying it: good enough for advice, never for granting access. */

import { MAX_TOKEN_CHARACTERS } from '../limits.ts'
import type { Claims } from './claim-texts.ts'

export interface DecodedToken {
  readonly header: Claims
  readonly claims: Claims
}

/** Header and claims of a signed JWT in compact form (RFC 7515 section 3.1), or undefined for anything else. */
export function decodeToken(token: string): DecodedToken | undefined {
  if (token.length > MAX_TOKEN_CHARACTERS) return undefined
  const parts = token.split('.')
  const [header, claims] = parts.slice(0, 2).map(decodePart)
  if (parts.length !== 3 || header === undefined || claims === undefined) return undefined
  return { header, claims }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decodePart(part: string): Claims | undefined {
  if (!/^[\w-]+$/.test(part)) return undefined
  try {
    const text = utf8.decode(Buffer.from(part, 'base64url'))
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined
  } catch {
    return undefined // not UTF-8, or not JSON
  }
}
