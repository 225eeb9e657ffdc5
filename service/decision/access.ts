/** What a registry token grants, read from the token itself (distribution's JWT page, claim `access`). */
import * as z from 'zod/mini'
import type { Access } from '../../trust/decision/decide.ts'
import { decodeToken } from '../../trust/decision/token.ts'

const accessClaim = z.array(z.object({ type: z.string(), name: z.string(), actions: z.array(z.string()) }))

/**
 * Reads the grant. It is not verified: the token came from authentik over our own connection, and the registry verifies.
 * @returns undefined where the token is none that can be looked into; nothing where it has no such claim
 */
export function readAccess(token: string): readonly Access[] | undefined {
  const decoded = decodeToken(token)
  if (!decoded) return undefined
  return accessClaim.safeParse(decoded.claims.access).data ?? []
}

/** The grant as the scopes of an answer: `repository:acme/app:pull,push registry:catalog:*`. */
export function scopeText(access: readonly Access[]): string {
  return access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`).join(' ')
}
