/**
 * Events whose jobs carry a repository's own claims while strangers decide what they run, or at least when: a rule that
 * does not say which events it means lets them push.
 */

import { Glob } from '../decision/glob.ts'
import type { Platform } from '../platforms/platform-claims.ts'
import type { Finding } from './findings.ts'
import type { RuleSettings } from './rule-schema.ts'

/**
 * Whoever can open a pull request, an issue or a discussion, or comment on one, starts these (docs.github.com, "Events
 * that trigger workflows"). The first three carry the ref of the default branch, and are the ones that are commonly made
 * to check out what the stranger brought along.
 */
const GITHUB_EVENTS = [
  ...['pull_request_target', 'workflow_run', 'issue_comment', 'pull_request', 'pull_request_review'],
  ...['pull_request_review_comment', 'issues', 'discussion', 'discussion_comment'],
]

/**
 * In GitLab a pipeline of a merge request can run in the target project while its claims name the source project; a
 * child pipeline can be the child of such a one (docs.gitlab.com, ID token authentication).
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
      wrong: `jobs of ${open.slice(0, 3).join(', ')} match, and such a job can run what a fork brought along`,
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
    wrong: 'a merge request can run this job in another project: only the job_ claims name that project',
    example: 'pipeline_source: [push, web, schedule], or job_project_id: "20" (GitLab 18.4)',
  }
}

/** The events that a claim's patterns let in; all of them where there is no such claim. */
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
