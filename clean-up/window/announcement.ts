/**
 * The announcement of a clean-up: one key of a ConfigMap, which the token services have mounted as a file. It is also
 * the lock of clean-ups: a second one does not begin before the first has withdrawn it, or its time is over.
 */
import * as z from 'zod'

/** The key in the ConfigMap, and so the name of the file. */
export const ANNOUNCEMENT = 'announcement.json'

const announcement = z.object({
  /** The pod that cleans up. */
  by: z.string(),
  since: z.iso.datetime(),
  /** By then it is over, whatever happens. */
  until: z.iso.datetime(),
})
export type Announcement = z.output<typeof announcement>

const configMap = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).optional(),
})

/** Reads and changes one ConfigMap; both answer it as it then is. */
export interface ConfigMapStore {
  read(): Promise<unknown>
  /** JSON merge patch (RFC 7386). @throws if it is another version by now */
  patch(change: unknown): Promise<unknown>
}

/**
 * Announces a clean-up, or finds its own announcement again after a restart.
 * @throws if another one is under way
 */
export async function announce(store: ConfigMapStore, wanted: Announcement, nowMs: number): Promise<Announcement> {
  const { present, resourceVersion } = await read(store)
  if (present !== undefined && Date.parse(present.until) > nowMs) {
    if (present.by === wanted.by) return present
    throw new Error(`another clean-up (${present.by}) is under way, until ${present.until} at most`)
  }
  await store.patch({ metadata: { resourceVersion }, data: { [ANNOUNCEMENT]: JSON.stringify(wanted) } })
  return wanted
}

/** Withdraws the announcement, if it is still its own. */
export async function withdraw(store: ConfigMapStore, by: string): Promise<void> {
  const { present, resourceVersion } = await read(store)
  if (present?.by === by) await store.patch({ metadata: { resourceVersion }, data: { [ANNOUNCEMENT]: null } })
}

async function read(store: ConfigMapStore) {
  const { metadata, data } = configMap.parse(await store.read())
  return { present: announcementIn(data?.[ANNOUNCEMENT]), resourceVersion: metadata.resourceVersion }
}

/** What cannot be read announces nothing, to the token services too. */
function announcementIn(text: string | undefined): Announcement | undefined {
  try {
    return text === undefined ? undefined : announcement.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
