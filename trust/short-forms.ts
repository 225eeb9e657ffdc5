/**
 * `github: { owners: [...] }` and `gitlab: { namespaces: [...] }` in full: one rule for each owner, push to the job's
 * own path, pull what belongs to the owner.
 *
 * Only branches and tags: a pull request's `ref` is `refs/pull/...`, and a fork can open one.
 */
import type { Owner, RuleSettings, ShortForm } from './rule-schema.ts'

const BRANCHES_AND_TAGS = ['refs/heads/**', 'refs/tags/**']

/**
 * What starts a job that runs the repository's own code. A job of `pull_request_target` or `workflow_run` carries the
 * ref of the default branch while it may run what a fork brought along (docs.github.com, "Events that trigger
 * workflows"), and a merge queue builds what is not merged yet.
 */
const OWN_EVENTS = ['create', 'push', 'release', 'repository_dispatch', 'schedule', 'workflow_dispatch']

/**
 * In GitLab a pipeline of a merge request can run in the target project while its claims name the source project
 * (docs.gitlab.com, ID token authentication), so its job may belong to somebody else. Child pipelines are left out as
 * well, as one can be the child of such a pipeline.
 */
const NO_MERGE_REQUESTS = ['api', 'pipeline', 'push', 'schedule', 'trigger', 'web']

/** The rules that one entry of short forms stands for. */
export function expandShortForm({ github, gitlab }: ShortForm): RuleSettings[] {
  return [
    ...(github?.owners ?? []).map((owner) => githubRule(owner, github?.source ?? 'github')),
    ...(gitlab?.namespaces ?? []).map((owner) => gitlabRule(owner, gitlab?.source ?? 'gitlab')),
  ]
}

function githubRule({ name, id }: Owner, source: string): RuleSettings {
  return {
    source,
    claims: {
      ...(id === undefined ? {} : { repository_owner_id: [id] }),
      ...(name === undefined ? {} : { repository_owner: [name] }),
      ref: BRANCHES_AND_TAGS,
      event_name: OWN_EVENTS,
    },
    push: ['{repository}', '{repository}/**'],
    pull: ['{repository_owner}/**'],
  }
}

/** With an id only the projects right in that namespace match; with a name alone those of its subgroups too. */
function gitlabRule({ name, id }: Owner, source: string): RuleSettings {
  return {
    source,
    claims: {
      ...(id === undefined ? {} : { namespace_id: [id] }),
      ...(name === undefined ? {} : { namespace_path: id === undefined ? [name, `${name}/**`] : [name] }),
      ref_path: BRANCHES_AND_TAGS,
      pipeline_source: NO_MERGE_REQUESTS,
    },
    push: ['{project_path}', '{project_path}/**'],
    pull: ['{namespace_path}/**'],
  }
}
