/**
 * Fetches a tool from its publisher. Nothing is ever used of which the SHA-256 sum does not match.
 *
 * The sums come from the publisher's checksum file and are not pinned here: they would have to be kept for each
 * operating system and architecture by whoever raises a version, who has most of these at no hand to try. What vouches
 * for the file is the publisher's HTTPS; the sum shows that it arrived whole. The pinned way is the build (go.sum).
 */
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { EnvHttpProxyAgent, fetch } from 'undici'
import { run } from './command.ts'
import type { Download } from './tools.ts'

/** All publishers are asked at once, so this is what a machine without internet loses in all. */
const REACH_LIMIT_SECONDS = 3
/** A transfer without a byte for this long is given up. */
const STALL_LIMIT_SECONDS = 30
const DOWNLOAD_LIMIT_SECONDS = 600
const UNPACK_LIMIT_SECONDS = 120
/** The largest, the Pulumi CLI, is about 200 MB. */
const MAX_BYTES = 1024 ** 3
const MAX_CHECKSUM_FILE_BYTES = 1024 ** 2

export interface Downloader {
  /** Whether every publisher of these answers at all; asked once per publisher. */
  reaches(downloads: readonly Download[]): Promise<boolean>
  /** Puts the verified content of all into `directory`. */
  fetchAll(downloads: readonly Download[], directory: string): Promise<void>
}

/** Goes through HTTPS_PROXY where the environment names one. */
export function createDownloader(limits: { stallSeconds?: number; reachSeconds?: number } = {}): Downloader {
  const { stallSeconds = STALL_LIMIT_SECONDS, reachSeconds = REACH_LIMIT_SECONDS } = limits
  const agent = new EnvHttpProxyAgent({ headersTimeout: stallSeconds * 1000, bodyTimeout: stallSeconds * 1000 })
  const known = new Map<string, Promise<boolean>>()

  const reachesOrigin = (origin: string) =>
    fetch(origin, {
      method: 'HEAD',
      redirect: 'manual',
      dispatcher: agent,
      signal: AbortSignal.timeout(reachSeconds * 1000),
    }).then(
      () => true,
      () => false,
    )

  async function* open(url: string, maxBytes: number): AsyncGenerator<Uint8Array> {
    const response = await fetch(url, { dispatcher: agent, signal: AbortSignal.timeout(DOWNLOAD_LIMIT_SECONDS * 1000) })
    if (new URL(response.url).protocol !== new URL(url).protocol) throw new Error(`${url} leads to ${response.url}`)
    if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`)
    let bytes = 0
    for await (const chunk of response.body) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new Error(`${url} has more than ${maxBytes} bytes; that is not what was asked for`)
      yield chunk
    }
  }

  const fetchOne = async ({ url, checksums, content }: Download, directory: string) => {
    const expected = findChecksum(await text(open(checksums, MAX_CHECKSUM_FILE_BYTES)), basename(url))
    if (expected === undefined) throw new Error(`${checksums} has no SHA-256 sum for ${basename(url)}`)
    const file = join(directory, 'command' in content ? content.command : `.${basename(url)}`)
    try {
      const actual = await save(open(url, MAX_BYTES), file)
      if (actual !== expected) {
        throw new Error(`${url} has the SHA-256 sum ${actual}, but ${checksums} says ${expected}; it is not used`)
      }
    } catch (error) {
      await rm(file, { force: true })
      throw error
    }
    if ('command' in content) return chmod(file, 0o755)
    await run(
      ['tar', '-xzf', file, '-C', directory, '--no-same-owner', `--strip-components=${content.archive.strip}`],
      { timeoutSeconds: UNPACK_LIMIT_SECONDS },
    )
    await rm(file)
  }

  return {
    async reaches(downloads) {
      const origins = new Set(
        downloads.flatMap(({ url, checksums }) => [new URL(url).origin, new URL(checksums).origin]),
      )
      for (const origin of origins) if (!known.has(origin)) known.set(origin, reachesOrigin(origin))
      return (await Promise.all([...origins].map((origin) => known.get(origin)))).every(Boolean)
    },
    async fetchAll(downloads, directory) {
      await mkdir(directory, { recursive: true })
      for (const download of downloads) await fetchOne(download, directory)
    },
  }
}

/**
 * @param text lines of `<hex>  <file name>` as sha256sum writes them, or one bare sum
 * @returns the sum of `file` in lower case
 */
export function findChecksum(text: string, file: string): string | undefined {
  const lines = text.trim().split(/\r?\n/)
  const sums = lines.map((line) => /^([0-9a-f]{64})(?:\s+\*?(\S+))?\s*$/i.exec(line))
  const match = sums.find((sum) => sum?.[2] !== undefined && basename(sum[2]) === file)
  const bare = lines.length === 1 && sums[0]?.[2] === undefined ? sums[0] : undefined
  return (match ?? bare)?.[1]?.toLowerCase()
}

/** Writes the bytes to a file and returns their SHA-256 sum. */
async function save(body: AsyncIterable<Uint8Array>, file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(
    body,
    async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        hash.update(chunk)
        yield chunk
      }
    },
    createWriteStream(file),
  )
  return hash.digest('hex')
}
