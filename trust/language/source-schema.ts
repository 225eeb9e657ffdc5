/** The shape of a source, as a person writes it and with everything filled in. sources.ts reads it. */
import { z } from 'zod'
import { type Platform, platforms } from '../platforms/platform-claims.ts'
import { httpUrlProblem } from './http-url.ts'

/** authentik allows slugs of 50 characters (Django's SlugField), and ours begin with `docker-registry-`. */
const MAX_SLUG = 34

/** Where the public keys of a source are; `jwks` is the key set itself, for an issuer that authentik cannot call. */
export type SourceKeys =
  | { readonly jwksUrl: string }
  | { readonly wellKnownUrl: string }
  | { readonly jwks: { readonly keys: readonly unknown[] } }

/** One issuer, with everything filled in. */
export interface TrustSource {
  readonly slug: string
  readonly platform: Platform
  readonly issuer: string
  readonly audience: string
  readonly keys: SourceKeys
}

/** Issuers are compared character by character (OpenID Connect Discovery section 4.3), so nothing is trimmed here. */
const issuer = z.string({ error: 'is not an http or https URL' }).superRefine((text, context) => {
  const problem = httpUrlProblem(text)
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
})
const url = issuer.transform((text) => text.replace(/\/+$/, ''))
/** An empty text means "not set", as everywhere in the configuration. */
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema.optional())

/** One entry of the list `sources`, as written in the stack's configuration. */
export const sourceSchema = z.strictObject({
  slug: z
    .string({ error: 'is missing or not text' })
    .regex(/^[-a-zA-Z0-9_]+$/, {
      error: 'may contain letters, digits, "-" and "_"',
    })
    .max(MAX_SLUG, { error: `is longer than ${MAX_SLUG} characters` }),
  platform: z.enum(platforms, { error: 'is none of github, gitlab, oidc' }),
  url: optional(url),
  enterprise: optional(
    z
      .string({ error: 'is not text' })
      .regex(/^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/, { error: 'is not the slug of an enterprise' }),
  ),
  issuer: optional(issuer),
  audience: optional(z.string({ error: 'is not text' })),
  jwksUrl: optional(url),
  wellKnownUrl: optional(url),
  jwks: z
    .object({ keys: z.array(z.looseObject({ kid: z.string().min(1) }), { error: 'has no list of keys' }).min(1) })
    .optional(),
})

export type SourceSettings = z.input<typeof sourceSchema>
