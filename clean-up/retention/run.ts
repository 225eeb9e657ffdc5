/**
 * A run of retention: reads each repository that a rule names, says what goes and why, and deletes it if that is
 * applied.
 */
import { atOnce } from './at-once.ts'
import type { Contents } from './contents.ts'
import { type Decision, decide } from './decision.ts'
import type { Limits } from './limits.ts'
import { NotUnderstoodError } from './manifest.ts'
import { listRepositories, listTags, readContents } from './reading.ts'
import { type Ask, type RegistryAccess, RegistryError, registryClient } from './registry.ts'
import { type KeepRule, type Retention, ruleFinder } from './rules.ts'

export interface RetentionRun {
  access: RegistryAccess
  retention: Retention
  /** Writes one line. */
  print: (line: string) => void
}

export interface RetentionResult {
  tags: number
  manifests: number
  /** Repositories in which nothing was deleted because something went wrong. */
  skipped: number
}

/** @throws RegistryError if the repositories cannot be listed */
export async function runRetention({ access, retention, print }: RetentionRun): Promise<RetentionResult> {
  const { limits } = access
  const { apply } = retention
  const ruleOf = ruleFinder(retention.rules)
  const catalog = registryClient(access, ['registry:catalog:*'])
  const ruled = (await listRepositories(catalog, limits)).flatMap((repository) => {
    const rule = ruleOf(repository)
    return rule === undefined ? [] : [{ repository, rule }]
  })
  const total: RetentionResult = { tags: 0, manifests: 0, skipped: 0 }
  for (let first = 0; first < ruled.length; first += limits.tokenRepositories) {
    const batch = ruled.slice(first, first + limits.tokenRepositories)
    const actions = apply ? 'pull,delete' : 'pull'
    const ask = registryClient(
      access,
      batch.map(({ repository }) => `repository:${repository}:${actions}`),
    )
    for (const { repository, rule } of batch) {
      try {
        const { tags, manifests } = await runRepository({ ask, repository, rule, apply, limits, print }, access.now())
        total.tags += tags
        total.manifests += manifests
      } catch (error) {
        if (!(error instanceof RegistryError || error instanceof NotUnderstoodError)) throw error
        total.skipped += 1
        print(`${repository}: left as it is: ${error.message}`)
      }
    }
  }
  const done = apply ? 'deleted' : 'would delete (retention.apply is false)'
  print(
    `${ruled.length} repositories with a rule: ${done} ${total.tags} tags and ${total.manifests} manifests, ` +
      `left ${total.skipped} repositories as they are`,
  )
  return total
}

interface RepositoryRun {
  ask: Ask
  repository: string
  rule: KeepRule
  apply: boolean
  limits: Limits
  print: (line: string) => void
}

async function runRepository(run: RepositoryRun, nowMs: number): Promise<{ tags: number; manifests: number }> {
  const { ask, repository, rule, apply, limits, print } = run
  const contents = await readContents(ask, repository, rule.newest > 0 || rule.youngerThanDays > 0, limits)
  const decision = decide(contents, rule, nowMs)
  const gone = decision.tags.filter(({ keep }) => !keep)
  if (apply && gone.length > 0) await refuseIfChanged(run, contents)
  for (const { tag, digest, reason } of gone) {
    print(`${repository}: ${apply ? 'deleting' : 'would delete'} tag ${tag}, ${digest} (${reason})`)
  }
  for (const digest of decision.manifests) {
    print(`${repository}: ${apply ? 'deleting' : 'would delete'} ${digest} (nothing that stays needs it)`)
  }
  if (apply) await remove(run, decision)
  return { tags: gone.length, manifests: decision.manifests.length }
}

/**
 * Pushes are refused while this runs, but not those with tokens fetched from authentik directly: deleting a digest
 * also removes tags created since it was read.
 */
async function refuseIfChanged({ ask, repository, limits }: RepositoryRun, { tags }: Contents): Promise<void> {
  const now = await listTags(ask, repository, limits)
  const isNew = now.find((tag) => !tags.has(tag))
  if (isNew !== undefined) throw new NotUnderstoodError(`tag ${isNew} was pushed meanwhile`)
}

async function remove({ ask, repository, limits }: RepositoryRun, { tags, manifests }: Decision): Promise<void> {
  const gone = new Set(manifests)
  const deleteOf = (reference: string) =>
    ask(`${repository}/manifests/${reference}`, { method: 'DELETE', maxBytes: limits.manifestBytes })
  // A tag whose manifest stays goes alone; with a manifest its tags go.
  const alone = tags.filter(({ keep, digest }) => !keep && !gone.has(digest))
  await atOnce(alone, limits.requestsAtOnce, ({ tag }) => deleteOf(tag))
  // One after the other: the order matters.
  for (const digest of manifests) await deleteOf(digest)
}
