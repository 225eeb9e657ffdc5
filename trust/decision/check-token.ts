/**
 * Says early, and in one sentence, why authentik would refuse a token; authentik answers every refusal with the same
 * text. This is advice: it does not verify signatures, and the sentences reveal nothing about the rules, since anyone
 * can ask.
 */

import { LEEWAY_SECONDS, MAX_QUOTED_CHARACTERS } from '../limits.ts'
import { enterpriseOf } from '../platforms/github-issuer.ts'
import { subjectClaims } from '../platforms/platform-claims.ts'
import { type Claims, type ClaimTexts, claimTexts } from './claim-texts.ts'
import { matchingRules } from './decide.ts'
import type { DecodedToken } from './decode-token.ts'
import { grantSomething, unusableClaims, unusableSentence } from './image-names.ts'
import type { Policy, PolicyRule, PolicySource } from './policy.ts'
import { quote } from './quote.ts'

/** RFC 7518 section 3.1 and RFC 8037, without shared secrets and "none". */
const PUBLIC_KEY_ALGORITHM = /^(?:RS|PS|ES)(?:256|384|512)$|^EdDSA$/

/** Stable names of the reasons. */
export type RefusalCode =
  | 'not-a-jwt'
  | 'not-signed-by-a-key'
  | 'issuer-unknown'
  | 'audience-wrong'
  | 'expiry-missing'
  | 'expired'
  | 'not-yet-valid'
  | 'session-source-unknown'
  | 'no-rule-matches'
  | 'no-image-name'

/** A token that would be accepted if its signature is good and a rule matches. */
export interface IdentifiedToken {
  /** `session` for a token that authentik made from a CI token. */
  readonly kind: 'ci' | 'session'
  readonly source: PolicySource
  /** The claims that rules are compared with; for a session, those of its CI token. */
  readonly claims: Claims
}

export interface TokenAccepted extends IdentifiedToken {
  readonly ok: true
  readonly rules: readonly PolicyRule[]
}

export interface TokenRefused {
  readonly ok: false
  readonly code: RefusalCode
  /** One sentence for the client; never contains the token. */
  readonly sentence: string
}

export type TokenCheck = TokenAccepted | TokenRefused

/**
 * Checks everything that authentik and its trust policy check, except for the signature.
 *
 * @param token from `decodeToken`; undefined if it is not a JWT
 * @param now in seconds since 1970
 * @param afterExpiry what to do about an expired token; empty if the caller says so itself
 */
export function checkToken(
  policy: Policy,
  token: DecodedToken | undefined,
  now: number,
  afterExpiry?: string,
): TokenCheck {
  const identified = identifyToken(policy, token, now, afterExpiry)
  if ('code' in identified) return identified
  const texts = claimTexts(identified.claims)
  const rules = matchingRules(identified.source, texts)
  if (rules.length === 0) return refused('no-rule-matches', noRuleSentence(identified.source, texts))
  if (!grantSomething(rules, texts)) {
    const sentence = unusableSentence(identified.source, texts, unusableClaims(rules, texts))
    if (sentence !== undefined) return refused('no-image-name', sentence)
  }
  return { ok: true, ...identified, rules }
}

/** {@link checkToken} up to the rules: shape, issuer, audience and times. */
export function identifyToken(
  policy: Policy,
  token: DecodedToken | undefined,
  now: number,
  afterExpiry = 'log in later or allow sessions',
): IdentifiedToken | TokenRefused {
  if (token === undefined) {
    return refused(
      'not-a-jwt',
      'the password is not a JWT; pass the token that the CI platform gave the job, unchanged',
    )
  }
  const { header, claims } = token
  if (typeof header.alg !== 'string' || !PUBLIC_KEY_ALGORITHM.test(header.alg) || typeof header.kid !== 'string') {
    const found = `algorithm ${quoted(header.alg)} and key id ${quoted(header.kid)}`
    return refused('not-signed-by-a-key', `the token is not signed by a published key: its header has ${found}`)
  }
  const session = isSession(policy, claims)
  const source = session ? sessionSource(policy, claims) : sourceOf(policy, claims)
  if ('code' in source) return source
  // The audience is what makes it a session.
  const problem =
    (session ? undefined : audienceProblem(claims, source.audience)) ?? timesProblem(claims, now, afterExpiry)
  if (problem !== undefined) return problem
  return session ? { kind: 'session', source, claims: sessionClaims(claims) } : { kind: 'ci', source, claims }
}

function refused(code: RefusalCode, sentence: string): TokenRefused {
  return { ok: false, code, sentence }
}

function quoted(value: unknown): string {
  return value === undefined ? 'missing' : quote(value, MAX_QUOTED_CHARACTERS)
}

/**
 * Decides by the audience of sessions, not by the issuer, which registry tokens share. Only authentik knows for sure.
 * A CI token may list that audience too, but it has the issuer of a source and does not contain another token's claims.
 */
function isSession(policy: Policy, claims: Claims): boolean {
  if (!isFor(claims, policy.document.session.audience)) return false
  return record(claims.ci) !== undefined || ofIssuer(policy, claims.iss) === undefined
}

function sessionSource(policy: Policy, claims: Claims): PolicySource | TokenRefused {
  const slug = record(claims.ci)?.source
  const source = typeof slug === 'string' ? policy.sources.get(slug) : undefined
  if (source !== undefined) return source
  const sentence = `the session came from source ${quoted(slug)}, which this registry does not trust; log in again`
  return refused('session-source-unknown', sentence)
}

function sessionClaims(claims: Claims): Claims {
  return record(record(claims.ci)?.claims) ?? {}
}

function record(value: unknown): Claims | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined
}

function sourceOf(policy: Policy, claims: Claims): PolicySource | TokenRefused {
  const source = ofIssuer(policy, claims.iss)
  if (source !== undefined) return source
  const trusted = [...policy.sources.values()].map(({ issuer }) => issuer).join(', ') || 'none'
  const enterprise = typeof claims.iss === 'string' ? enterpriseOf(claims.iss) : undefined
  // Once an administrator of the enterprise switches this issuer on, every job is refused.
  const remedy = enterprise === undefined ? '' : `; the operator can add the source of enterprise ${quoted(enterprise)}`
  const sentence = `issuer is ${quoted(claims.iss)}, but this registry accepts only tokens from ${trusted}${remedy}`
  return refused('issuer-unknown', sentence)
}

function ofIssuer(policy: Policy, issuer: unknown): PolicySource | undefined {
  for (const source of policy.sources.values()) if (source.issuer === issuer) return source
  return undefined
}

function audienceProblem(claims: Claims, expected: string): TokenRefused | undefined {
  if (isFor(claims, expected)) return undefined
  return refused('audience-wrong', `audience is ${quoted(claims.aud)}, this registry expects ${quoted(expected)}`)
}

/** RFC 7519 section 4.1.3: one audience, or a list of them. */
function isFor({ aud }: Claims, audience: string): boolean {
  return aud === audience || (Array.isArray(aud) && aud.includes(audience))
}

function timesProblem(claims: Claims, now: number, remedy: string): TokenRefused | undefined {
  const { exp, iat } = claims
  if (typeof exp !== 'number') return refused('expiry-missing', 'the token does not say when it expires')
  if (exp + LEEWAY_SECONDS <= now) {
    const life = typeof iat === 'number' && iat < exp ? [`issued for ${duration(exp - iat)}`] : []
    const inBrackets = [...life, ...(remedy === '' ? [] : [remedy])].join('; ')
    return refused('expired', `expired ${duration(now - exp)} ago${inBrackets === '' ? '' : ` (${inBrackets})`}`)
  }
  for (const name of ['iat', 'nbf'] as const) {
    const time = claims[name]
    if (time === undefined) continue
    if (typeof time !== 'number') return refused('not-yet-valid', `${name} is ${quoted(time)}, which is not a time`)
    if (time - LEEWAY_SECONDS > now) {
      const ahead = duration(time - now)
      return refused('not-yet-valid', `not valid yet: ${name} is ${ahead} ahead of this registry's clock`)
    }
  }
  return undefined
}

function noRuleSentence({ slug, platform }: PolicySource, texts: ClaimTexts): string {
  const subject = subjectClaims[platform]
    .filter((claim) => texts.has(claim))
    .map((claim) => `${claim} ${quoted(texts.get(claim))}`)
  return `no rule of source ${quoted(slug)} matches ${subject.join(' with ') || 'the claims of this token'}`
}

/** A duration in the largest unit of which there are at least two: "42 s", "5 min", "3 h", "2 d". */
function duration(seconds: number): string {
  const units = [
    { name: 'd', seconds: 86_400 },
    { name: 'h', seconds: 3_600 },
    { name: 'min', seconds: 60 },
  ]
  const unit = units.find((candidate) => seconds >= 2 * candidate.seconds) ?? { name: 's', seconds: 1 }
  return `${Math.round(seconds / unit.seconds)} ${unit.name}`
}
