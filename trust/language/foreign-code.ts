/**
 * Events whose jobs have a repository's own claims although strangers decide what they run, or at least when. A rule
 * that does not name its events lets them push.
 */

import { Glob } from '../decision/glob.ts'
import type { Platform } from '../platforms/platform-claims.ts'
import type { Finding } from './findings.ts'
import type { RuleSettings } from './rule-schema.ts'

/**
 * Anyone who can open or comment on a pull request, an issue or a discussion can start these (docs.github.com, "Events
 * that trigger workflows"). The first three have the ref of the default branch, and commonly check out the
 * stranger's code.
 */
const GITHUB_EVENTS = [
  ...['pull_request_target', 'workflow_run', 'issue_comment', 'pull_request', 'pull_request_review'],
  ...['pull_request_review_comment', 'issues', 'discussion', 'discussion_comment'],
]

/**
 * In GitLab a pipeline of a merge request can run in the target project while its claims name the source project; a
 * child pipeline can have such a parent (docs.gitlab.com, ID token authentication).
 */
const GITLAB_SOURCES = ['merge_request_event', 'external_pull_request_event', 'parent_pipeline']

/** The advice for a rule that such a job could match. */
export function foreignCode(platform: Platform, { claims, any }: RuleSettings): Omit<Finding, 'rule'> | undefined {
  if (any === true || platform === 'oidc') return undefined
  if (platform === 'github') {
    if (claims.environment !== undefined || onlyTags(claims)) return undefined
    const open = matched(claims.event_name, GITHUB_EVENTS)
    if (open.length === 0) return undefined
    return {
      severity: 'advice',
      code: 'foreign-code',
      field: claims.event_name === undefined ? 'claims' : 'claims.event_name',
      wrong: `jobs of ${open.slice(0, 3).join(', ')} match, and such a job can run code from a fork`,
      example: 'event_name: [push, workflow_dispatch, release, schedule], or environment: production',
    }
  }
  const names = Object.keys(claims)
  if (names.some((claim) => claim.startsWith('job_project') || claim.startsWith('job_namespace'))) return undefined
  const open = matched(claims.pipeline_source, GITLAB_SOURCES)
  if (open.length === 0) return undefined
  return {
    severity: 'advice',
    code: 'merge-requests',
    field: claims.pipeline_source === undefined ? 'claims' : 'claims.pipeline_source',
    wrong: 'a merge request can run this job in another project, which only the job_ claims name',
    example: 'pipeline_source: [push, web, schedule], or job_project_id: "20" (GitLab 18.4)',
  }
}

/** The events that a claim's patterns match; all of them without such a claim. */
function matched(patterns: readonly string[] | undefined, events: readonly string[]): string[] {
  const globs = patterns?.map((pattern) => new Glob(pattern))
  return events.filter((event) => globs === undefined || globs.some((glob) => glob.matches(event)))
}

/** None of the events has a tag as its `ref`. */
function onlyTags({ ref, ref_type: type }: RuleSettings['claims']): boolean {
  return (
    ref?.every((pattern) => pattern.startsWith('refs/tags/')) === true || type?.every((it) => it === 'tag') === true
  )
}
