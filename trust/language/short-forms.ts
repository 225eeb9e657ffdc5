/**
 * `github: { owners: [...] }` and `gitlab: { namespaces: [...] }` written out: one rule for each owner, which lets
 * its jobs push to their own path and pull what belongs to the owner. `kubernetes: { namespaces: [...] }` lets pods
 * pull: one rule for each namespace.
 *
 * Only branches and tags: a pull request's `ref` is `refs/pull/...`, and a fork can open one.
 */
import { isRepositoryPath } from '../decision/repository-names.ts'
import type { Namespace, Owner, RuleSettings, ShortForm } from './rule-schema.ts'
import { CLUSTER_SOURCE, serviceAccountSubject } from './service-accounts.ts'

const BRANCHES_AND_TAGS = ['refs/heads/**', 'refs/tags/**']

/**
 * What starts a job that runs the repository's own code. A job of `pull_request_target` or `workflow_run` has the
 * ref of the default branch although it may run code from a fork (docs.github.com, "Events that trigger workflows"),
 * and a merge queue builds what is not merged yet.
 */
const OWN_EVENTS = ['create', 'push', 'release', 'repository_dispatch', 'schedule', 'workflow_dispatch']

/**
 * In GitLab a pipeline of a merge request can run in the target project while its claims name the source project
 * (docs.gitlab.com, ID token authentication), so its job may belong to someone else. Child pipelines are left out too,
 * since their parent can be such a pipeline.
 */
const NO_MERGE_REQUESTS = ['api', 'pipeline', 'push', 'schedule', 'trigger', 'web']

/**
 * The rules that one short form is written out to.
 *
 * @param owned patterns of what the owners push, which pods pull unless their rule says something else
 */
export function expandShortForm({ github, gitlab, kubernetes }: ShortForm, owned: readonly string[]): RuleSettings[] {
  return [
    ...(github?.owners ?? []).map((owner) => githubRule(owner, github?.source || 'github')),
    ...(gitlab?.namespaces ?? []).flatMap((namespace) => gitlabRules(namespace, gitlab?.source || 'gitlab')),
    ...(kubernetes?.namespaces ?? []).map((namespace) => ({
      source: kubernetes?.source || CLUSTER_SOURCE,
      claims: { sub: (kubernetes?.serviceAccounts ?? ['*']).map((name) => serviceAccountSubject(namespace, name)) },
      pull: kubernetes?.pull ?? [...owned],
    })),
  ]
}

/**
 * What the owners in these short forms push, as patterns of names: `acme/**` for owner `acme`. An owner that is only
 * known by its id has no name to begin a pattern with.
 */
export function ownedNames(forms: readonly ShortForm[]): string[] {
  const owners: Owner[] = forms.flatMap(({ github, gitlab }) => [
    ...(github?.owners ?? []),
    ...(gitlab?.namespaces ?? []),
  ])
  const names = owners.flatMap(({ name }) => (name === undefined ? [] : [name.toLowerCase()]))
  return [...new Set(names.filter(isRepositoryPath))].map((name) => `${name}/**`)
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

/**
 * GitLab's tokens contain id and path of the namespace right above the project, but only the path of the groups above
 * that one (docs.gitlab.com, ID token authentication). So an id pins the projects right in a namespace; those of its
 * subgroups can only be matched by name, and they get a rule of their own, since their tokens do not contain that id.
 */
function gitlabRules({ name, id, subgroups }: Namespace, source: string): RuleSettings[] {
  const own = { ...(id && { namespace_id: [id] }), ...(name && { namespace_path: [name] }) }
  const below = { namespace_path: [`${name}/**`] }
  if (id !== undefined) return (subgroups ? [own, below] : [own]).map((claims) => gitlabRule(claims, source))
  const patterns = subgroups === false ? own.namespace_path : [...(own.namespace_path ?? []), ...below.namespace_path]
  return [gitlabRule({ namespace_path: patterns ?? [] }, source)]
}

function gitlabRule(claims: RuleSettings['claims'], source: string): RuleSettings {
  return {
    source,
    claims: { ...claims, ref_path: BRANCHES_AND_TAGS, pipeline_source: NO_MERGE_REQUESTS },
    push: ['{project_path}', '{project_path}/**'],
    pull: ['{namespace_path}/**'],
  }
}
