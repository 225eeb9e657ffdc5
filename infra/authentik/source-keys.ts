/**
 * Where the public keys of a CI platform are.
 *
 * A source in authentik is a login page for people. Here it only says whose JWTs may be exchanged, so a few fields
 * that authentik insists on are filled in with a value that nothing uses.
 */
import { z } from 'zod'

const url = z.url({ protocol: /^https?$/, error: 'an http or https URL' }).transform((text) => text.replace(/\/+$/, ''))

/** One CI platform, as the stack's configuration names it. */
export const sourceSchema = z
  .strictObject({
    slug: z
      .string({ error: 'a slug' })
      .regex(/^[-a-zA-Z0-9_]{1,50}$/, { error: 'a slug: letters, digits, "-" and "_"' }),
    platform: z.enum(['github', 'gitlab'], { error: 'platform github or gitlab' }),
    url: url.optional(),
    jwksUrl: url.optional(),
    wellKnownUrl: url.optional(),
  })
  .refine(({ jwksUrl, wellKnownUrl }) => !(jwksUrl && wellKnownUrl), { error: 'either jwksUrl or wellKnownUrl' })

export type Source = z.output<typeof sourceSchema>

/** The fields of an authentik source that say where keys are, and the ones that follow from it. */
export type SourceKeys =
  | { oidcWellKnownUrl: string }
  | { oidcJwksUrl: string; authorizationUrl: string; accessTokenUrl: string; profileUrl: string }

/**
 * Where authentik fetches the keys of a source.
 *
 * GitHub: docs.github.com, "OpenID Connect reference"; a GitHub Enterprise Server serves them below
 * `/_services/token`. GitLab: docs.gitlab.com, "ID token authentication".
 */
export function sourceKeys({ platform, url, jwksUrl, wellKnownUrl }: Source): SourceKeys {
  if (wellKnownUrl) return { oidcWellKnownUrl: wellKnownUrl }
  if (jwksUrl) return keySet(jwksUrl)
  if (platform === 'gitlab')
    return { oidcWellKnownUrl: `${url ?? 'https://gitlab.com'}/.well-known/openid-configuration` }
  const issuer = url ? `${url}/_services/token` : 'https://token.actions.githubusercontent.com'
  return keySet(`${issuer}/.well-known/jwks`)
}

function keySet(oidcJwksUrl: string): SourceKeys {
  const unused = new URL('/unused', oidcJwksUrl).href
  return { oidcJwksUrl, authorizationUrl: unused, accessTokenUrl: unused, profileUrl: unused }
}
