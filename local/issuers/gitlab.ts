/**
 * Claims of a GitLab CI/CD job's ID token, as GitLab documents them under "OpenID Connect (OIDC) authentication using
 * ID tokens". Ids are strings there, and so are the booleans.
 */
import { createHash } from 'node:crypto'
import { idOf, parentOf } from './names.ts'

/** GitLab's tokens live as long as the job may; one hour is the default of a project. */
export const GITLAB_LIFETIME_SECONDS = 3600

export interface GitlabJob {
  /** `group/project`, or deeper */
  project: string
  /** A branch or, as `refs/tags/v1`, a tag. */
  ref: string
  /** Base URL of the GitLab that signs. */
  issuer: string
}

/** @returns the claims without `aud` and without the times and `jti` */
export function gitlabClaims({ project, ref, issuer }: GitlabJob): Record<string, string> {
  const namespace = parentOf(project)
  const type = ref.startsWith('refs/tags/') ? 'tag' : 'branch'
  const name = ref.replace(/^refs\/(heads|tags)\//, '')
  const path = `refs/${type === 'tag' ? 'tags' : 'heads'}/${name}`
  const host = URL.canParse(issuer) ? new URL(issuer).host : issuer
  const sha = createHash('sha1').update(`${project} ${path}`).digest('hex')
  return {
    iss: issuer,
    sub: `project_path:${project}:ref_type:${type}:ref:${name}`,
    namespace_id: idOf('namespace', namespace),
    namespace_path: namespace,
    project_id: idOf('project', project),
    project_path: project,
    project_visibility: 'private',
    user_id: idOf('user', 'tanuki'),
    user_login: 'tanuki',
    user_email: 'tanuki@example.com',
    user_access_level: 'developer',
    pipeline_id: idOf('pipeline', `${project} ${path}`),
    pipeline_source: 'push',
    job_id: idOf('job', `${project} ${path}`),
    job_project_id: idOf('project', project),
    job_project_path: project,
    job_namespace_id: idOf('namespace', namespace),
    job_namespace_path: namespace,
    ref: name,
    ref_type: type,
    ref_path: path,
    ref_protected: String(name === 'main'),
    runner_id: idOf('runner', project),
    runner_environment: 'gitlab-hosted',
    sha,
    ci_config_ref_uri: `${host}/${project}//.gitlab-ci.yml@${path}`,
    ci_config_sha: sha,
  }
}
