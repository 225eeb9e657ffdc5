/**
 * The issuers whose tokens are taken. Each says who signs, for whom, and where its public keys are.
 */
import { z } from 'zod'
import { type Finding, quote } from './findings.ts'
import { githubIssuer, githubKeysUrl } from './github-issuer.ts'
import { httpUrlProblem } from './http-url.ts'
import { keyClashes } from './key-clashes.ts'
import { type Platform, platforms } from './platform-claims.ts'

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

/** Issuers are compared letter by letter (OpenID Connect Discovery section 4.3), so nothing is trimmed here. */
const issuer = z.string({ error: 'is not an http or https URL' }).superRefine((text, context) => {
  const problem = httpUrlProblem(text)
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
})
const url = issuer.transform((text) => text.replace(/\/+$/, ''))
/** An empty text is not set, as everywhere in the configuration. */
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema.optional())

/** One entry of the list `sources`, as the stack's configuration says it. */
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

const examples: Record<string, string> = {
  slug: 'slug: gitlab-internal',
  platform: 'platform: gitlab',
  url: 'url: https://gitlab.example.com',
  enterprise: 'enterprise: acme, as in https://github.com/enterprises/acme',
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
      const resolved = resolve(parsed.data, audience)
      if ('issuer' in resolved) sources.push(resolved)
      else findings.push(mistake(resolved.code, `sources[${index}]`, resolved.wrong, resolved.example))
    } else {
      for (const issue of parsed.error.issues) {
        const name = String(issue.path[0] ?? (issue.code === 'unrecognized_keys' ? issue.keys[0] : ''))
        const field = [`sources[${index}]`, ...issue.path].join('.')
        const wrong = issue.code === 'unrecognized_keys' ? `there is no field ${quote(name)}` : issue.message
        findings.push(mistake('source-invalid', field, wrong, examples[name] ?? wholeExample))
      }
    }
  }
  return { sources, findings: [...findings, ...twice(sources), ...keyClashes(sources)] }
}

type ParsedSource = z.output<typeof sourceSchema>

interface Problem {
  readonly code: string
  readonly wrong: string
  readonly example: string
}

function resolve(source: ParsedSource, audience: string): TrustSource | Problem {
  const given = [source.jwksUrl, source.wellKnownUrl, source.jwks].filter((keys) => keys !== undefined)
  if (given.length > 1) {
    const wrong = 'only one of jwksUrl, wellKnownUrl and jwks can say where the keys are'
    return { code: 'source-keys', wrong, example: examples.wellKnownUrl ?? '' }
  }
  const found = issuerOf(source)
  if (typeof found !== 'string') return found
  const { slug, platform } = source
  return { slug, platform, issuer: found, audience: source.audience ?? audience, keys: sourceKeys(source, found) }
}

/** docs.gitlab.com, "OpenID Connect (OIDC) Authentication Using ID Tokens": `iss` is the URL of the instance. */
function issuerOf({ platform, url: base, enterprise, issuer: given }: ParsedSource): string | Problem {
  const wrongIssuer = (wrong: string, example = examples.issuer ?? '') => ({ code: 'source-issuer', wrong, example })
  if (enterprise !== undefined && platform !== 'github') {
    return wrongIssuer(`only github has an issuer for each enterprise, ${platform} has none`, 'platform: github')
  }
  if (given !== undefined) {
    if (enterprise !== undefined) {
      return wrongIssuer('enterprise and issuer both say who signs; one of them is enough', examples.enterprise)
    }
    if (platform !== 'oidc' && given.endsWith('/')) {
      const wrong = `tokens of ${platform} never name an issuer that ends with "/", and it is compared letter by letter`
      return wrongIssuer(wrong, `issuer: ${given.replace(/\/+$/, '')}`)
    }
    return given
  }
  if (platform === 'oidc')
    return { code: 'source-keys', wrong: 'platform oidc needs an issuer', example: examples.issuer ?? '' }
  if (platform === 'gitlab') return base ?? GITLAB_URL
  const github = githubIssuer({ url: base, enterprise })
  return 'issuer' in github
    ? github.issuer
    : wrongIssuer(github.wrong, 'url: https://acme.ghe.com, or enterprise: acme')
}

function sourceKeys(
  { platform, jwksUrl, wellKnownUrl, jwks, url: base }: ParsedSource,
  tokenIssuer: string,
): SourceKeys {
  if (jwks !== undefined) return { jwks }
  if (jwksUrl !== undefined) return { jwksUrl }
  if (wellKnownUrl !== undefined) return { wellKnownUrl }
  if (platform === 'github') return { jwksUrl: githubKeysUrl(tokenIssuer) }
  const publisher = platform === 'gitlab' ? (base ?? tokenIssuer) : tokenIssuer
  return { wellKnownUrl: `${publisher.replace(/\/+$/, '')}/.well-known/openid-configuration` }
}

/** Two sources of one slug overwrite each other in authentik; of two with one issuer no token says which it is of. */
function twice(sources: readonly TrustSource[]): Finding[] {
  const findings: Finding[] = []
  for (const [index, source] of sources.entries()) {
    const earlier = sources.slice(0, index)
    if (earlier.some(({ slug }) => slug === source.slug)) {
      const wrong = `two sources have the slug ${quote(source.slug)}`
      findings.push(mistake('source-twice', 'sources', wrong, examples.slug ?? ''))
    } else if (earlier.some((other) => other.issuer === source.issuer)) {
      const wrong = `two sources have the issuer ${quote(source.issuer)}, so a token does not say which of them it is of`
      findings.push(mistake('source-twice', 'sources', wrong, 'one source for each issuer'))
    }
  }
  return findings
}

function mistake(code: string, field: string, wrong: string, example: string): Finding {
  return { severity: 'error', code, field, wrong, example }
}
