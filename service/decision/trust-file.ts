/**
 * The compiled trust rules, from a file that is replaced while the process runs.
 *
 * The file is checked every few seconds instead of watched: Kubernetes swaps a symbolic link some folders above a
 * mounted file, and some file systems do not report changes. New rules take effect whole; a file that is missing or
 * wrong changes nothing but the log, since with no rules at all nothing would be refused early.
 */
import type { Stats } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { DOCUMENT_VERSION, loadPolicy, type Policy } from '../../trust/decision/policy.ts'
import { ConfiguredFileError } from '../configured-file.ts'
import type { Limits } from '../limits.ts'
import type { Log } from '../operations/log.ts'

/** Rules that stay up to date. */
export interface TrustFile {
  /** The rules as they are now. */
  policy(): Policy
  /** Whether the file as it is now cannot be used, so that the previous rules still apply. */
  rejected(): boolean
  /** Stops checking. */
  close(): void
}

type FileLimits = Pick<Limits, 'trustFileBytes' | 'trustFilePollMs'>

/**
 * Reads the file and keeps checking it.
 * @throws ConfiguredFileError if it cannot be used at the start
 */
export async function openTrustFile(
  path: string,
  limits: FileLimits,
  log: Log,
  reloaded: (result: 'loaded' | 'rejected') => void = () => {},
): Promise<TrustFile> {
  let loaded = await load(path, limits.trustFileBytes)
  let complaint = ''
  const look = async () => {
    try {
      if ((await versionOf(path)) === loaded.version) {
        complaint = ''
        return
      }
      loaded = await load(path, limits.trustFileBytes)
      log.info({ rules: countRules(loaded.policy) }, 'trust rules replaced')
      reloaded('loaded')
      complaint = ''
    } catch (error) {
      if (!(error instanceof ConfiguredFileError)) throw error
      // Once for each kind of mistake, not every few seconds.
      if (error.message !== complaint) {
        log.error({ cause: error.message }, 'the trust rules stay as they were')
        reloaded('rejected')
      }
      complaint = error.message
    }
  }
  let looking = false
  const timer = setInterval(async () => {
    if (looking) return // two at once would tell of the same change twice
    looking = true
    await look().finally(() => {
      looking = false
    })
  }, limits.trustFilePollMs).unref()
  log.info({ rules: countRules(loaded.policy) }, 'trust rules loaded')
  return { policy: () => loaded.policy, rejected: () => complaint !== '', close: () => clearInterval(timer) }
}

interface Loaded {
  policy: Policy
  version: string
}

async function versionOf(path: string): Promise<string> {
  return stat(path).then(describeVersion, unreadable)
}

/** A file that is replaced has another inode, one that is written over another time or size. */
function describeVersion({ ino, mtimeMs, size }: Stats): string {
  return `${ino} ${mtimeMs} ${size}`
}

async function load(path: string, maxBytes: number): Promise<Loaded> {
  const file = await open(path).catch(unreadable)
  try {
    const stats = await file.stat()
    if (stats.size > maxBytes) throw unusable(`names a file of more than ${maxBytes} bytes`)
    const policy = loadPolicy(parseJson(await file.readFile('utf8').catch(unreadable)))
    if (!policy) {
      throw unusable(
        `contains no trust rules that this version understands (JSON, version ${DOCUMENT_VERSION}); deploy the rules again`,
      )
    }
    return { policy, version: describeVersion(stats) }
  } finally {
    await file.close()
  }
}

function unreadable(error: NodeJS.ErrnoException): never {
  throw unusable(`names a file that cannot be read (${error.code ?? error.name})`)
}

function unusable(why: string): ConfiguredFileError {
  return new ConfiguredFileError('TRUST_FILE', why)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unusable('names a file that is not JSON, or not all of it')
  }
}

/** How many rules there are, over all sources. */
export function countRules(policy: Policy | undefined): number {
  return [...(policy?.sources.values() ?? [])].reduce((count, { rules }) => count + rules.length, 0)
}
