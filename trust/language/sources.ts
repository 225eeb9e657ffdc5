/**
 * The issuers whose tokens are accepted: who signs, for which audience, and where the public keys are.
 */
import type { z } from 'zod'
import { quote } from '../decision/quote.ts'
import { githubIssuer, githubKeysUrl } from '../platforms/github-issuer.ts'
import type { Finding } from './findings.ts'
import { keyClashes } from './key-clashes.ts'
import { type SourceKeys, sourceSchema, type TrustSource } from './source-schema.ts'

const GITLAB_URL = 'https://gitlab.com'

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
 * @param value a list as in the configuration, such as `[{ slug: 'github', platform: 'github' }]`
 * @param audience the audience of tokens, unless a source names another
 * @returns the correct sources, and every mistake in the others
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
    const wrong = 'only one of jwksUrl, wellKnownUrl and jwks may be set'
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
    return wrongIssuer(`only github has an issuer for each enterprise; ${platform} does not`, 'platform: github')
  }
  if (given !== undefined) {
    if (enterprise !== undefined) {
      return wrongIssuer('enterprise and issuer both name the issuer; set only one of them', examples.enterprise)
    }
    if (platform !== 'oidc' && given.endsWith('/')) {
      const wrong = `tokens of ${platform} never name an issuer that ends with "/", and issuers are compared letter by letter`
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

/**
 * Two sources with one slug overwrite each other in authentik; with one issuer, no token says which of them it is from.
 */
function twice(sources: readonly TrustSource[]): Finding[] {
  const findings: Finding[] = []
  for (const [index, source] of sources.entries()) {
    const earlier = sources.slice(0, index)
    if (earlier.some(({ slug }) => slug === source.slug)) {
      const wrong = `two sources have the slug ${quote(source.slug)}`
      findings.push(mistake('duplicate-source', 'sources', wrong, examples.slug ?? ''))
    } else if (earlier.some((other) => other.issuer === source.issuer)) {
      const wrong = `two sources have the issuer ${quote(source.issuer)}, so a token does not say which of them it is from`
      findings.push(mistake('duplicate-source', 'sources', wrong, 'one source for each issuer'))
    }
  }
  return findings
}

function mistake(code: string, field: string, wrong: string, example: string): Finding {
  return { severity: 'error', code, field, wrong, example }
}
