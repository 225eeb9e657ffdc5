/**
 * Which tags and manifests of a repository go. A pure function: whatever a kept tag needs stays, and so does whatever
 * belongs to it.
 *
 * - A kept index needs the images that it lists; a kept attachment needs what it is attached to.
 * - To a kept image belong its signatures and other attachments, by `subject` or by the name of their tag.
 * - Where the age is not known, the tag stays.
 */
import { attachedTo, type Contents } from './contents.ts'
import type { KeepRule } from './rules.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/**
 * Builds that are to be the same each time write 1970 or 1980 (ko, jib, Bazel, buildpacks). That says nothing about
 * their age; there were no container images before 2000.
 */
const FIRST_BELIEVABLE_MS = Date.UTC(2000, 0, 1)
/** Clocks of build machines differ. What is dated further ahead would stay the newest forever. */
const CLOCK_SKEW_MS = DAY_MS

/** Why a tag stays or goes, in the words of the log. */
export type Reason =
  | 'matches a pattern of tags'
  | 'its age is not known'
  | 'is young enough'
  | 'is among the newest'
  | 'is attached to what stays'
  | 'is attached to what no tag leads to'
  | 'no rule keeps it'
  | 'is attached to what goes'

export interface TagDecision {
  readonly tag: string
  readonly digest: string
  readonly keep: boolean
  readonly reason: Reason
}

export interface Decision {
  readonly tags: readonly TagDecision[]
  /** Digests that nothing kept needs, those that list or attach themselves to others first. */
  readonly manifests: readonly string[]
}

/**
 * Decides about one repository.
 * @param nowMs milliseconds since 1970
 */
export function decide({ tags, manifests }: Contents, rule: KeepRule, nowMs: number): Decision {
  const own = [...tags].filter(([tag]) => attachedTo(tag) === undefined)
  const attached = [...tags].filter(([tag]) => attachedTo(tag) !== undefined)
  const age = (digest: string) => believable(manifests.get(digest)?.createdMs, nowMs)
  const newest = newestOf(own, age, rule.newest)

  const decided: TagDecision[] = own.map(([tag, digest]) => {
    const reason = reasonToKeep(tag, digest)
    return { tag, digest, keep: reason !== undefined, reason: reason ?? 'no rule keeps it' }
  })
  function reasonToKeep(tag: string, digest: string): Reason | undefined {
    if (rule.tags.some((pattern) => pattern.matches(tag))) return 'matches a pattern of tags'
    const createdMs = age(digest)
    if (createdMs === undefined) return 'its age is not known'
    if (nowMs - createdMs < rule.youngerThanDays * DAY_MS) return 'is young enough'
    return newest.has(digest) ? 'is among the newest' : undefined
  }

  // What is attached to something that is not here may belong to an image that is pulled by its digest alone.
  const roots = decided.filter(({ keep }) => keep).map(({ digest }) => digest)
  const orphans = attached.filter(([tag]) => !manifests.has(attachedTo(tag) ?? ''))
  const ties = tiesOf(manifests, attached)
  const live = closure([...roots, ...orphans.map(([, digest]) => digest)], ties)

  for (const [tag, digest] of attached) {
    const subject = attachedTo(tag) ?? ''
    const here = manifests.has(subject)
    const keep = !here || live.has(subject)
    const reason = !here
      ? 'is attached to what no tag leads to'
      : keep
        ? 'is attached to what stays'
        : 'is attached to what goes'
    decided.push({ tag, digest, keep, reason })
  }
  const doomed = [...manifests.keys()].filter((digest) => !live.has(digest))
  return { tags: decided, manifests: parentsFirst(doomed, ties) }
}

function believable(createdMs: number | undefined, nowMs: number): number | undefined {
  if (createdMs === undefined || !(createdMs >= FIRST_BELIEVABLE_MS)) return undefined
  return createdMs > nowMs + CLOCK_SKEW_MS ? undefined : createdMs
}

/** The newest images by age; all of those that share the last place. An image with two tags counts once. */
function newestOf(
  tags: readonly (readonly [string, string])[],
  age: (digest: string) => number | undefined,
  count: number,
): ReadonlySet<string> {
  const ages = new Map<string, number>()
  for (const [, digest] of tags) {
    const createdMs = age(digest)
    if (createdMs !== undefined) ages.set(digest, createdMs)
  }
  if (count === 0) return new Set()
  const oldest = [...ages.values()].sort((one, other) => other - one)[count - 1] ?? Number.NEGATIVE_INFINITY
  return new Set([...ages].filter(([, createdMs]) => createdMs >= oldest).map(([digest]) => digest))
}

/** What each manifest needs, and what is attached to it. */
interface Ties {
  needs(digest: string): readonly string[]
  attachments(digest: string): readonly string[]
}

function tiesOf(manifests: Contents['manifests'], attached: readonly (readonly [string, string])[]): Ties {
  const subjects = new Map<string, string[]>()
  const attachments = new Map<string, string[]>()
  const attach = (digest: string, subject: string | undefined) => {
    if (subject === undefined) return
    append(subjects, digest, subject)
    append(attachments, subject, digest)
  }
  for (const [tag, digest] of attached) attach(digest, attachedTo(tag))
  for (const [digest, { subject }] of manifests) attach(digest, subject)
  return {
    needs: (digest) => [...(manifests.get(digest)?.children ?? []), ...(subjects.get(digest) ?? [])],
    attachments: (digest) => attachments.get(digest) ?? [],
  }
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const known = map.get(key)
  if (known === undefined) map.set(key, [value])
  else known.push(value)
}

/** Everything that the roots need, and everything that belongs to it. Each manifest is looked at once. */
function closure(roots: readonly string[], { needs, attachments }: Ties): ReadonlySet<string> {
  const live = new Set<string>()
  const waiting = [...roots]
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    if (live.has(digest)) continue
    live.add(digest)
    for (const other of needs(digest)) waiting.push(other)
    for (const other of attachments(digest)) waiting.push(other)
  }
  return live
}

/**
 * Indexes before their images and attachments before their subjects: a run that is cut short then leaves nothing that
 * has a tag and cannot be pulled.
 */
function parentsFirst(digests: readonly string[], { needs }: Ties): string[] {
  // Kahn's algorithm. Digests cannot form a circle, but names of tags can; what is in one goes last.
  const left = new Set(digests)
  const neededBy = new Map(digests.map((digest) => [digest, 0]))
  const count = (digest: string, by: number) => {
    const now = (neededBy.get(digest) ?? 0) + by
    neededBy.set(digest, now)
    return now
  }
  for (const digest of digests) for (const need of needs(digest)) if (left.has(need)) count(need, 1)
  const ordered: string[] = []
  const free = digests.filter((digest) => neededBy.get(digest) === 0)
  for (let digest = free.pop(); digest !== undefined; digest = free.pop()) {
    ordered.push(digest)
    left.delete(digest)
    for (const need of needs(digest)) if (left.has(need) && count(need, -1) === 0) free.push(need)
  }
  return [...ordered, ...left]
}
