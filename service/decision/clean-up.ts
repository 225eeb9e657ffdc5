/**
 * While the registry's garbage is collected, nothing may be pushed: what a push has just sent would look like garbage.
 * The clean-up announces itself in a file, a ConfigMap in a cluster, with the time by which it is over in any case.
 * After that time the file means nothing, whatever has become of the clean-up.
 */
import { readFile, stat } from 'node:fs/promises'
import * as z from 'zod/mini'
import { parseScopes } from '../../trust/decision/scopes.ts'
import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Log } from '../operations/log.ts'

/** Bytes of the announcement, which is a time. */
const FILE_BYTES = 4 * 1024
/** Milliseconds ahead of which the end of a clean-up is not believed: a mistake there would stop pushes forever. */
const LONGEST_MS = 24 * 60 * 60 * 1000

/** The announcement in the file, JSON. */
const announcement = z.object({ until: z.iso.datetime() })

/** Whether the registry is being cleaned up. */
export interface CleanUp {
  /** Until when pushes are refused, in milliseconds since 1970; undefined while they are not. */
  untilMs(): number | undefined
  /** Stops checking. */
  close(): void
}

/** A registry that is never cleaned up. */
export const noCleanUp: CleanUp = { untilMs: () => undefined, close: () => {} }

/**
 * Reads the file and keeps checking it. A file that is missing or empty announces nothing; neither does one that
 * cannot be read, and the clean-up does not begin before each token service says that it has seen the announcement.
 *
 * @param now milliseconds since 1970
 */
export async function watchCleanUp(
  path: string,
  limits: Pick<Limits, 'cleanUpPollMs'>,
  log: Log,
  now: () => number,
): Promise<CleanUp> {
  let announcedMs: number | undefined
  const look = async () => {
    const untilMs = await read(path).catch((error: unknown) => {
      log.error(
        { cause: error instanceof Error ? error.message : 'unknown' },
        'the announcement of a clean-up is unusable',
      )
      return undefined
    })
    if (untilMs === announcedMs) return
    announcedMs = untilMs
    log.info({ until: untilMs === undefined ? 'over' : new Date(untilMs).toISOString() }, 'clean-up of the registry')
  }
  await look()
  let looking = false
  const timer = setInterval(async () => {
    if (looking) return
    looking = true
    await look().finally(() => {
      looking = false
    })
  }, limits.cleanUpPollMs).unref()
  return {
    untilMs: () => {
      const left = announcedMs === undefined ? 0 : announcedMs - now()
      return left > 0 && left <= LONGEST_MS ? announcedMs : undefined
    },
    close: () => clearInterval(timer),
  }
}

async function read(path: string): Promise<number | undefined> {
  const stats = await stat(path).catch(missing)
  if (stats === undefined || stats.size === 0) return undefined
  if (stats.size > FILE_BYTES) throw new Error(`the file has more than ${FILE_BYTES} bytes`)
  const text = await readFile(path, 'utf8').catch(missing)
  if (text === undefined) return undefined
  const { data } = announcement.safeParse(parseJson(text))
  if (data === undefined) throw new Error('the file is not JSON with a time "until"')
  return Date.parse(data.until)
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw new Error(`the file cannot be read (${error.code ?? error.name})`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** @throws TokenError `cleaning_up` for a push while the registry is being cleaned up; pulls and deletions go on */
export function refusePush(asked: readonly string[], untilMs: number | undefined): void {
  if (untilMs === undefined) return
  if (!parseScopes(asked).some(({ type, actions }) => type === 'repository' && actions.has('push'))) return
  const until = new Date(untilMs).toISOString().slice('2026-01-01T'.length, '2026-01-01T03:10'.length)
  throw new TokenError(
    'cleaning_up',
    `No push at the moment: the registry is being cleaned up until about ${until} UTC; push again then. Pulls go on`,
  )
}
