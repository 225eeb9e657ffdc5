/**
 * The issuers whose tokens are taken. Each says who signs, for whom, and where its public keys are.
 */
import { z } from 'zod'
import { type Finding, quote } from './findings.ts'
import { type Platform, platforms } from './platform-claims.ts'

const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com'
const GITLAB_URL = 'https://gitlab.com'

/** authentik's slugs hold 50 characters (Django's SlugField); `docker-registry-` goes in front. */
const MAX_SLUG = 34

/** Where the public keys of a source are; `jwks` is the key set itself, for an issuer that authentik cannot reach. */
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

const url = z
  .url({ protocol: /^https?$/, error: 'is no http or https URL' })
  .transform((text) => text.replace(/\/+$/, ''))
/** Issuers are compared letter by letter (OpenID Connect Discovery section 4.3), so nothing is trimmed here. */
const issuer = z.url({ protocol: /^https?$/, error: 'is no http or https URL' })

/** One entry of the list `sources`, as the stack's configuration says it. */
export const sourceSchema = z.strictObject({
  slug: z
    .string({ error: 'is missing or no text' })
    .regex(/^[-a-zA-Z0-9_]+$/, {
      error: 'may hold letters, digits, "-" and "_"',
    })
    .max(MAX_SLUG, { error: `is longer than ${MAX_SLUG} characters` }),
  platform: z.enum(platforms, { error: 'is none of github, gitlab, oidc' }),
  url: url.optional(),
  issuer: issuer.optional(),
  audience: z.string().min(1, { error: 'is empty' }).optional(),
  jwksUrl: url.optional(),
  wellKnownUrl: url.optional(),
  jwks: z
    .object({ keys: z.array(z.looseObject({ kid: z.string().min(1) }), { error: 'has no list of keys' }).min(1) })
    .optional(),
})

export type SourceSettings = z.input<typeof sourceSchema>

const examples: Record<string, string> = {
  slug: 'slug: gitlab-internal',
  platform: 'platform: gitlab',
  url: 'url: https://gitlab.example.com',
  issuer: 'issuer: https://kubernetes.default.svc.cluster.local',
  audience: 'audience: registry.example.com',
  jwksUrl: 'jwksUrl: https://issuer.example.com/jwks',
  wellKnownUrl: 'wellKnownUrl: https://issuer.example.com/.well-known/openid-configuration',
  jwks: 'jwks: { keys: [{ kid: "1", kty: RSA, n: ..., e: AQAB }] }',
}
const wholeExample = '{ slug: github, platform: github }'

/**
 * Reads the list of sources.
 *
 * @param value a list as the configuration holds it, such as `[{ slug: 'github', platform: 'github' }]`
 * @param audience what tokens must be issued for where a source does not say otherwise
 * @returns the sources without mistakes, and every mistake of the others
 */
export function parseSources(value: unknown, audience: string): { sources: TrustSource[]; findings: Finding[] } {
  if (!Array.isArray(value) || value.length === 0) {
    const wrong = `the list of sources is ${quote(value)}`
    return { sources: [], findings: [mistake('sources-missing', 'sources', wrong, `[${wholeExample}]`)] }
  }
  const sources: TrustSource[] = []
  const findings: Finding[] = []
  for (const [index, entry] of value.entries()) {
    const parsed = sourceSchema.safeParse(entry)
    if (parsed.success) {
      const problem = keysProblem(parsed.data)
      if (problem === undefined) sources.push(resolve(parsed.data, audience))
      else findings.push(mistake('source-keys', `sources[${index}]`, problem.wrong, problem.example))
    } else {
      for (const issue of parsed.error.issues) {
        const name = String(issue.path[0] ?? (issue.code === 'unrecognized_keys' ? issue.keys[0] : ''))
        const field = [`sources[${index}]`, ...issue.path].join('.')
        const wrong = issue.code === 'unrecognized_keys' ? `there is no field ${quote(name)}` : issue.message
        findings.push(mistake('source-invalid', field, wrong, examples[name] ?? wholeExample))
      }
    }
  }
  return { sources, findings: [...findings, ...twice(sources)] }
}

type ParsedSource = z.output<typeof sourceSchema>

function keysProblem(source: ParsedSource): { wrong: string; example: string } | undefined {
  const given = [source.jwksUrl, source.wellKnownUrl, source.jwks].filter((keys) => keys !== undefined)
  if (given.length > 1) {
    return {
      wrong: 'only one of jwksUrl, wellKnownUrl and jwks can say where the keys are',
      example: examples.wellKnownUrl ?? '',
    }
  }
  if (source.platform === 'oidc' && source.issuer === undefined) {
    return { wrong: 'platform oidc needs an issuer', example: examples.issuer ?? '' }
  }
  return undefined
}

function resolve(source: ParsedSource, audience: string): TrustSource {
  const tokenIssuer = source.issuer ?? platformIssuer(source)
  return {
    slug: source.slug,
    platform: source.platform,
    issuer: tokenIssuer,
    audience: source.audience ?? audience,
    keys: sourceKeys(source, tokenIssuer),
  }
}

/** docs.github.com: OpenID Connect reference, there also for GitHub Enterprise Server; docs.gitlab.com: ID tokens. */
function platformIssuer({ platform, url: base }: ParsedSource): string {
  if (platform === 'github') return base === undefined ? GITHUB_ISSUER : `${base}/_services/token`
  return base ?? GITLAB_URL
}

function sourceKeys(
  { platform, jwksUrl, wellKnownUrl, jwks, url: base }: ParsedSource,
  tokenIssuer: string,
): SourceKeys {
  if (jwks !== undefined) return { jwks }
  if (jwksUrl !== undefined) return { jwksUrl }
  if (wellKnownUrl !== undefined) return { wellKnownUrl }
  if (platform === 'github') return { jwksUrl: `${tokenIssuer}/.well-known/jwks` }
  const publisher = platform === 'gitlab' ? (base ?? tokenIssuer) : tokenIssuer
  return { wellKnownUrl: `${publisher.replace(/\/+$/, '')}/.well-known/openid-configuration` }
}

/** Two sources of one slug overwrite each other in authentik; two of one issuer share their keys' `kid`s. */
function twice(sources: readonly TrustSource[]): Finding[] {
  const findings: Finding[] = []
  for (const [index, source] of sources.entries()) {
    const earlier = sources.slice(0, index)
    if (earlier.some(({ slug }) => slug === source.slug)) {
      const wrong = `two sources have the slug ${quote(source.slug)}`
      findings.push(mistake('source-twice', 'sources', wrong, examples.slug ?? ''))
    } else if (earlier.some((other) => other.issuer === source.issuer)) {
      const wrong = `two sources have the issuer ${quote(source.issuer)}, so no key says which of them signed`
      findings.push(mistake('source-twice', 'sources', wrong, 'one source for each issuer'))
    }
  }
  return findings
}

function mistake(code: string, field: string, wrong: string, example: string): Finding {
  return { severity: 'error', code, field, wrong, example }
}
