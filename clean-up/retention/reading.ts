/** Reads what is in the registry: its repositories, and of each the tags and everything that they lead to. */
import * as z from 'zod'
import { atOnce } from './at-once.ts'
import type { Contents, Manifest } from './contents.ts'
import type { Limits } from './limits.ts'
import { createdIn, digestOf, MANIFEST_TYPES, NotUnderstoodError, type ReadManifest, readManifest } from './manifest.ts'
import { type Ask, jsonOf, RegistryError } from './registry.ts'

/** distribution's reference grammar; what is not of it cannot be in a path or in the log. */
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const TAG = /^\w[\w.-]{0,127}$/

/** @throws NotUnderstoodError for more repositories than the limit */
export function listRepositories(ask: Ask, limits: Limits): Promise<string[]> {
  const page = z.object({ repositories: z.array(z.string().regex(REPOSITORY)).nullable() })
  return list(ask, '_catalog', (body) => page.parse(body).repositories ?? [], { limits, most: limits.repositories })
}

/** @throws NotUnderstoodError for more tags than the limit */
export function listTags(ask: Ask, repository: string, limits: Limits): Promise<string[]> {
  const page = z.object({ tags: z.array(z.string().regex(TAG)).nullable() })
  return list(ask, `${repository}/tags/list`, (body) => page.parse(body).tags ?? [], { limits, most: limits.tags })
}

async function list(
  ask: Ask,
  path: string,
  entriesOf: (body: unknown) => string[],
  { limits, most }: { limits: Limits; most: number },
): Promise<string[]> {
  const entries = new Set<string>()
  for (let last: string | undefined = ''; last !== undefined; ) {
    const query = new URLSearchParams({ n: String(limits.pageEntries), ...(last !== '' && { last }) })
    const answer = await ask(`${path}?${query}`, { maxBytes: limits.listBytes })
    if (answer.status === 404) break // the repository has no tags left
    const page = entriesOf(jsonOf(answer))
    const before = entries.size
    for (const entry of page) entries.add(entry)
    if (entries.size > most) throw new NotUnderstoodError(`${path} has more than ${most} entries`)
    // distribution's API, "Pagination": a page that is not the last one has a Link. One without news would never end.
    last = answer.headers.has('link') && entries.size > before ? page.at(-1) : undefined
  }
  return [...entries]
}

/**
 * Reads a repository.
 * @param withAges whether the rule asks for the age of images, which costs a request for each
 * @throws NotUnderstoodError where something in it is not understood, or more than the limits allow: then all of it
 *   stays
 */
export async function readContents(ask: Ask, repository: string, withAges: boolean, limits: Limits): Promise<Contents> {
  const read = new Map<string, ReadManifest>()
  const dates = new Map<string, number | undefined>()
  const seen = new Set<string>()
  let ties = 0

  /** @returns the digest; undefined if the repository does not have it */
  async function fetchManifest(reference: string): Promise<string | undefined> {
    const path = `${repository}/manifests/${reference}`
    const answer = await ask(path, { accept: MANIFEST_TYPES.join(', '), maxBytes: limits.manifestBytes })
    if (answer.status === 404) return undefined
    const digest = digestOf(answer.body)
    if (reference.includes(':') && reference !== digest) {
      throw new NotUnderstoodError(`${reference} came with other content than its digest says`)
    }
    if (read.has(digest)) return digest
    const manifest = readManifest(answer.body)
    ties += manifest.children.length + 1
    if (read.size >= limits.manifests) throw new NotUnderstoodError(`it has more than ${limits.manifests} manifests`)
    if (ties > limits.ties) throw new NotUnderstoodError(`its manifests list more than ${limits.ties} others`)
    read.set(digest, manifest)
    seen.add(digest)
    if (withAges && manifest.createdMs === undefined && manifest.config !== undefined) {
      dates.set(digest, await dateOfImage(manifest.config))
    }
    return digest
  }

  async function dateOfImage(config: string): Promise<number | undefined> {
    try {
      const answer = await ask(`${repository}/blobs/${config}`, { maxBytes: limits.configBytes })
      return answer.status === 404 || digestOf(answer.body) !== config ? undefined : createdIn(answer.body)
    } catch (error) {
      // Too long: its age is not known. An error of the registry is one of the whole repository.
      if (error instanceof RegistryError && error.status === 200) return undefined
      throw error
    }
  }

  const tags = new Map<string, string>()
  await atOnce(await listTags(ask, repository, limits), limits.requestsAtOnce, async (tag) => {
    const digest = await fetchManifest(tag)
    if (digest !== undefined) tags.set(tag, digest)
  })
  // What they list and what they are attached to, level by level; each digest once.
  for (let level = [...read.keys()]; level.length > 0; ) {
    const next = new Set<string>()
    for (const digest of level) {
      const { children = [], subject } = read.get(digest) ?? {}
      for (const other of subject === undefined ? children : [...children, subject])
        if (!seen.has(other)) next.add(other)
    }
    for (const digest of next) seen.add(digest)
    const known = new Set(read.keys())
    await atOnce([...next], limits.requestsAtOnce, fetchManifest)
    level = [...read.keys()].filter((digest) => !known.has(digest))
  }
  return { tags, manifests: withDates(read, dates) }
}

/** An index without a date is as old as the newest image that it lists. */
function withDates(
  read: ReadonlyMap<string, ReadManifest>,
  dates: ReadonlyMap<string, number | undefined>,
): Map<string, Manifest> {
  const own = (digest: string) => read.get(digest)?.createdMs ?? dates.get(digest)
  const ofIndex = (children: readonly string[]) =>
    children.reduce<number | undefined>((newest, child) => {
      const createdMs = own(child)
      return createdMs === undefined || (newest !== undefined && newest >= createdMs) ? newest : createdMs
    }, undefined)
  return new Map(
    [...read].map(([digest, { children, subject }]) => [
      digest,
      { children, subject, createdMs: own(digest) ?? ofIndex(children) },
    ]),
  )
}
