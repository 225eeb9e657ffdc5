/** What an issued token grants, read from the token itself (distribution's JWT page, claim `access`). */
import * as z from 'zod/mini'
import type { Access } from '../../trust/decision/decide.ts'
import { type DecodedToken, decodeToken } from '../../trust/decision/decode-token.ts'

const accessClaim = z.array(z.object({ type: z.string(), name: z.string(), actions: z.array(z.string()) }))

/** The part of an issued token that is read from the token itself. */
export interface Grant {
  access: readonly Access[] | undefined
  session?: { readonly audience: readonly string[] }
}

/**
 * Reads the grant. It is not verified: the token came from authentik over our own connection, and the registry
 * verifies.
 * @returns no access where the token cannot be read; an empty one where it has no such claim
 */
export function readGrant(token: string): Grant {
  const decoded = decodeToken(token)
  if (!decoded) return { access: undefined }
  const access = accessClaim.safeParse(decoded.claims.access).data ?? []
  if (!isSession(decoded)) return { access }
  const { aud } = decoded.claims
  return { access, session: { audience: Array.isArray(aud) ? aud.filter((each) => typeof each === 'string') : [] } }
}

/** Whether a token carries the claims of a CI job, as sessions do and nothing else. */
export function isSession(token: DecodedToken | undefined): boolean {
  const ci = token?.claims.ci
  return typeof ci === 'object' && ci !== null
}

/** The grant as the scopes of an answer: `repository:acme/app:pull,push registry:catalog:*`. */
export function scopeText(access: readonly Access[]): string {
  return access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`).join(' ')
}
