/**
 * Claims of a GitHub Actions job, as GitHub documents them under "OpenID Connect reference". All values but the times
 * are strings there, numbers and booleans included.
 */
import { createHash } from 'node:crypto'
import { idOf, parentOf } from './names.ts'

/** What GitHub.com's tokens say, wherever their keys are fetched from. */
export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com'

/** GitHub's tokens live five minutes. */
export const GITHUB_LIFETIME_SECONDS = 300

export interface GithubJob {
  /** `owner/name` */
  repository: string
  /** Full, such as `refs/heads/main`, `refs/tags/v1` or `refs/pull/7/merge`. */
  ref: string
}

/** @returns the claims without `aud` and without the times and `jti` */
export function githubClaims({ repository, ref }: GithubJob): Record<string, string> {
  const owner = parentOf(repository)
  const workflow = `${repository}/.github/workflows/build.yml`
  const sha = createHash('sha1').update(`${repository} ${ref}`).digest('hex')
  const pullRequest = ref.startsWith('refs/pull/')
  return {
    iss: GITHUB_ISSUER,
    sub: pullRequest ? `repo:${repository}:pull_request` : `repo:${repository}:ref:${ref}`,
    repository,
    repository_id: idOf('repository', repository),
    repository_owner: owner,
    repository_owner_id: idOf('owner', owner),
    repository_visibility: 'private',
    enterprise: owner,
    enterprise_id: idOf('enterprise', owner),
    ref,
    ref_type: ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    ref_protected: String(ref === 'refs/heads/main'),
    head_ref: pullRequest ? 'feature' : '',
    base_ref: pullRequest ? 'main' : '',
    sha,
    workflow: 'build',
    workflow_ref: `${workflow}@${ref}`,
    workflow_sha: sha,
    job_workflow_ref: `${workflow}@${ref}`,
    job_workflow_sha: sha,
    run_id: idOf('run', `${repository} ${ref}`),
    check_run_id: idOf('check run', `${repository} ${ref}`),
    run_number: '1',
    run_attempt: '1',
    actor: 'octocat',
    actor_id: idOf('user', 'octocat'),
    event_name: pullRequest ? 'pull_request' : 'push',
    runner_environment: 'github-hosted',
  }
}
