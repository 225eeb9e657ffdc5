/**
 * The claims that GitHub and GitLab put into the tokens of their jobs, so that a misspelt one is found, which would
 * silently never match. From docs.github.com (OpenID Connect reference) and docs.gitlab.com (ID token authentication).
 */

export const platforms = ['github', 'gitlab', 'oidc'] as const
export type Platform = (typeof platforms)[number]

const registered = ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti'] // RFC 7519 section 4.1

const github = [
  ...registered,
  ...['actor', 'actor_id', 'base_ref', 'check_run_id', 'enterprise', 'enterprise_id', 'environment'],
  ...['environment_node_id', 'event_name', 'head_ref', 'job_workflow_ref', 'job_workflow_sha', 'ref', 'ref_protected'],
  ...['ref_type', 'repository', 'repository_id', 'repository_owner', 'repository_owner_id', 'repository_visibility'],
  ...['run_attempt', 'run_id', 'run_number', 'runner_environment', 'sha', 'workflow', 'workflow_ref', 'workflow_sha'],
]

/** Without `groups_direct`, `user_identities` and `job_config`: lists and objects cannot be matched. */
const gitlab = [
  ...registered,
  ...['ci_config_ref_uri', 'ci_config_sha', 'deployment_tier', 'environment', 'environment_action'],
  ...['environment_protected', 'job_id', 'job_namespace_id', 'job_namespace_path', 'job_project_id'],
  ...['job_project_path', 'job_source', 'namespace_id', 'namespace_path', 'pipeline_id'],
  ...['pipeline_source', 'project_id', 'project_path', 'project_visibility', 'ref', 'ref_path', 'ref_protected'],
  ...['ref_type', 'runner_environment', 'runner_id', 'sha', 'user_access_level', 'user_email', 'user_id'],
  'user_login',
]

/** An organisation's own repository properties, which GitHub adds with this prefix if the organisation wants. */
const GITHUB_PROPERTY = 'repo_property_'

/** Whether a platform's tokens can contain a claim; those of other issuers can contain any. */
export function platformSends(platform: Platform, claim: string): boolean {
  if (platform === 'oidc') return true
  if (platform === 'gitlab') return gitlab.includes(claim)
  return github.includes(claim) || claim.startsWith(GITHUB_PROPERTY)
}

/** The known claims of a platform; none for `oidc`, where each issuer has its own. */
export function claimsOf(platform: Platform): readonly string[] {
  return { github, gitlab, oidc: [] }[platform]
}

/**
 * Claims that say whose job it is. Without one of them a rule is open to everyone who can run a job there.
 * `job_workflow_ref` is not among them: it names the called workflow, and strangers can call a public one.
 */
export const identityClaims: Record<Platform, { byId: readonly string[]; byName: readonly string[] }> = {
  github: {
    byId: ['enterprise_id', 'repository_id', 'repository_owner_id'],
    byName: ['enterprise', 'repository', 'repository_owner', 'sub', 'workflow_ref'],
  },
  gitlab: {
    byId: ['job_namespace_id', 'job_project_id', 'namespace_id', 'project_id'],
    byName: ['job_namespace_path', 'job_project_path', 'namespace_path', 'project_path', 'sub'],
  },
  oidc: { byId: [], byName: [] },
}

/**
 * Claims that are case-insensitive on the platform itself: `acme` and `Acme` cannot both exist there. Rules compare
 * them as the platform does. Other issuers may distinguish the two.
 */
export const caselessClaims: Record<Platform, readonly string[]> = {
  github: ['actor', 'enterprise', 'repository', 'repository_owner'],
  gitlab: ['job_namespace_path', 'job_project_path', 'namespace_path', 'project_path', 'user_login'],
  oidc: [],
}

/** The claims that name a job in a sentence. */
export const subjectClaims: Record<Platform, readonly string[]> = {
  github: ['repository', 'ref', 'event_name'],
  gitlab: ['project_path', 'ref_path', 'pipeline_source'],
  oidc: ['sub'],
}

/** What an audit log keeps of a job's claims, so that a review can compare new rules with the jobs of the past. */
export const reviewedClaims = [
  ...new Set([
    'iss',
    ...Object.values(identityClaims).flatMap(({ byId, byName }) => [...byId, ...byName]),
    ...['environment', 'event_name', 'job_workflow_ref', 'pipeline_source', 'ref', 'ref_path', 'ref_type'],
  ]),
]

/**
 * What a session contains besides the claims that rules need, the first ones first while there is room: what names the
 * job as the registry's actor, and then what helps to find it.
 */
export const auditClaims = [
  ...['repository', 'ref', 'run_id', 'check_run_id', 'project_path', 'ref_path', 'pipeline_id', 'job_id'],
  ...['iss', 'actor', 'run_attempt', 'sha', 'sub', 'user_login'],
]
