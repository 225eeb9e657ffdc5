/**
 * Whether the claims of a rule say whose job it is. If none does, the rule is open to everyone who can run a job at the
 * issuer.
 */
import { identityClaims, type Platform } from '../platforms/platform-claims.ts'
import type { RuleSettings } from './rule-schema.ts'

/**
 * Claims about a token, a login or the circumstances of a job, which strangers' tokens have just the same. For issuers
 * other than GitHub and GitLab, whose claims we do not know.
 */
const NOBODY = new Set([
  ...['iss', 'aud', 'exp', 'iat', 'nbf', 'jti'], // RFC 7519 section 4.1, without `sub`
  ...['auth_time', 'nonce', 'acr', 'amr', 'at_hash', 'c_hash', 'sid', 'typ', 'scope'], // OpenID Connect Core section 2
  ...['email_verified', 'phone_number_verified', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'], // 5.1
  ...['base_ref', 'branch', 'deployment_tier', 'environment', 'environment_protected', 'event_name', 'head_ref'],
  ...['pipeline_source', 'ref', 'ref_path', 'ref_protected', 'ref_type', 'repository_visibility', 'run_attempt'],
  ...['project_visibility', 'run_id', 'run_number', 'runner_environment', 'sha', 'tag', 'workflow'],
])

/** Circumstances that a `sub` can begin with, since platforms let an organisation compose it. */
const CIRCUMSTANCE = new RegExp(`^(?:${[...NOBODY, 'pull_request'].join('|')})(?::|$)`)

const FAMILY_OF_NAMESPACES = /^system:serviceaccount:[a-z0-9][-a-z0-9]*-\*:[^:]+$/

/** The parts of a composed `sub` that say whose job it is, each followed by its value. */
const SUB_IDENTITY: Record<Exclude<Platform, 'oidc'>, RegExp> = {
  github: /(?:^|:)(repo|repository|repository_owner|repository_owner_id|repository_id|enterprise|enterprise_id):(.*)$/,
  gitlab: /(?:^|:)(project_path|project_id|namespace_path|namespace_id):(.*)$/,
}

/** Whether a rule has a claim of which every pattern names an owner. */
export function namesSomebody(platform: Platform, claims: RuleSettings['claims']): boolean {
  return Object.entries(claims).some(([claim, patterns]) => pins(platform, claim, patterns))
}

/** The claims of a rule that look as if they named an owner but do not, for the message. */
export function emptyIdentities(platform: Platform, claims: RuleSettings['claims']): string[] {
  const { byId, byName } = identityClaims[platform]
  return Object.keys(claims).filter(
    (claim) => platform === 'oidc' || NOBODY.has(claim) || [...byId, ...byName].includes(claim),
  )
}

/**
 * Whether every pattern of a claim names an owner. An id must be complete; a name must be complete up to its first "/",
 * since anyone can create "acme-evil" or own a repository "app".
 */
function pins(platform: Platform, claim: string, patterns: readonly string[]): boolean {
  if (platform === 'oidc') {
    if (NOBODY.has(claim) || patterns.every((pattern) => pattern === 'true' || pattern === 'false')) return false
    return patterns.every((pattern) => oidcPins(claim, pattern))
  }
  const { byId, byName } = identityClaims[platform]
  if (byId.includes(claim)) return patterns.every(isWholeId)
  if (!byName.includes(claim)) return false
  return patterns.every(claim === 'sub' ? (pattern) => platformSubPins(platform, pattern) : isWholeName)
}

const isWholeId = (pattern: string) => !pattern.includes('*') && /[\p{L}\p{N}]/u.test(pattern)
const isWholeName = (pattern: string) => /^[^*]*[\p{L}\p{N}][^*]*(\/|$)/u.test(pattern)

/**
 * A platform's `sub` names an owner if it contains an owner, a project or an id, before the first wildcard: a wildcard
 * could match text that a stranger chose, such as an environment called "x:repo:acme/app".
 */
function platformSubPins(platform: Exclude<Platform, 'oidc'>, pattern: string): boolean {
  const literal = /^[^*]*/.exec(pattern)?.[0] ?? ''
  const [, key = '', rest] = SUB_IDENTITY[platform].exec(literal) ?? []
  if (rest === undefined) return false
  const isWhole = literal.length === pattern.length
  const value = rest.split(':')[0] ?? ''
  // Complete up to ":" (names: up to "/"), or at the end of the pattern.
  const ends = isWhole || rest.includes(':') || (!key.endsWith('_id') && value.includes('/'))
  return ends && /^[\p{L}\p{N}]/u.test(value)
}

/** Forgejo and others name claims as GitHub and GitLab do, so the same checks apply to them. */
function oidcPins(claim: string, pattern: string): boolean {
  if (claim === 'sub') return oidcSubPins(pattern)
  const { github, gitlab } = identityClaims
  if ([...github.byId, ...gitlab.byId].includes(claim)) return isWholeId(pattern)
  if ([...github.byName, ...gitlab.byName].includes(claim)) return isWholeName(pattern)
  return /[\p{L}\p{N}]/u.test(pattern)
}

/**
 * Kubernetes has one `sub` for each account, "system:serviceaccount:<namespace>:<account>". Who runs the cluster names
 * its namespaces, so "team-*" is a family of them; "team*" would also match "teammate".
 */
function oidcSubPins(pattern: string): boolean {
  if (CIRCUMSTANCE.test(pattern))
    return /(?:^|:)(?:repo|repository|project_path|repository_owner):[\p{L}\p{N}]/u.test(pattern)
  if (/^system:serviceaccount:?\*|^system:\*/.test(pattern)) return false
  if (/^system:serviceaccount:[^:*]*\*/.test(pattern)) return FAMILY_OF_NAMESPACES.test(pattern)
  return /[\p{L}\p{N}]/u.test(pattern)
}
