/**
 * Runs in the cluster, beside a registry of its own without authentication: pushes a small blob, reads it back, and
 * ends both. If that fails, its last words are one sentence for `pulumi up`.
 *
 * Mounted as text and run by Node.js as it is, so it imports nothing of ours and has no syntax that needs compiling.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * The registry that is to be tried, what it writes to, a command that shows its log, the Secret with its keys as JSON, and
 * the command that started it.
 */
const [registry = '', storage = '', showLog = '', secretText = 'null', ...serve] = process.argv.slice(2)

/** The folder has a file for each key of the Secret that exists; null: there is none. */
const secret: { name: string; keys: string[]; directory: string } | null = JSON.parse(secretText)

/** The registry starts in less than a second, on a busy node in some. */
const START_MS = 60_000
/**
 * Kubernetes starts it before this one, so if its process is not there, it has ended; its image may be pulled again.
 */
const ABSENT_MS = 5_000
/** Wrong addresses and ports are tried again by the providers' own clients, for up to a minute. */
const ANSWER_MS = 120_000
/** Of what a provider says; some of them send whole documents. */
const MAX_REASON = 400

const REPOSITORY = `${registry}/v2/storage-check`
/** Always the same, so that what stays in the bucket does not grow. */
const CONTENT = 'storage check'
const DIGEST = `sha256:${createHash('sha256').update(CONTENT).digest('hex')}`

/** The registry's processes in this pod. */
function registryProcesses(): number[] {
  const isRegistry = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `${serve.join('\0')}\0`
    } catch {
      return false
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isRegistry(name))
    .map(Number)
}

function checkSecret(): void {
  if (secret === null) return
  const missing = secret.keys.filter((key) => !existsSync(join(secret.directory, key)))
  if (missing.length === 0) return
  throw new Error(
    missing.length === secret.keys.length
      ? `Secret ${secret.name} is not in the namespace, or has no ${missing.join(' and ')}`
      : `Secret ${secret.name} has no ${missing.join(' and ')}`,
  )
}

async function started(): Promise<void> {
  const giveUp = Date.now() + START_MS
  let lastSeen = Date.now()
  for (;;) {
    const answered = await fetch(`${registry}/`).then(
      () => true,
      () => false,
    )
    if (answered) return
    if (registryProcesses().length > 0) lastSeen = Date.now()
    if (Date.now() > Math.min(giveUp, lastSeen + ABSENT_MS)) {
      throw new Error(
        `the registry does not start with it; the last words of its container, or \`${showLog}\`, say why`,
      )
    }
    await sleep(250)
  }
}

async function ask(method: string, url: string | URL, body?: string): Promise<Response> {
  const response = await fetch(url, {
    method,
    ...(body !== undefined && { body }),
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  if (!response.ok) throw new Error(reasonOf(await response.text()) || `${method} answers ${response.status}`)
  return response
}

/** What the provider said, out of the registry's answer. */
function reasonOf(text: string): string {
  try {
    const { code, message, detail } = JSON.parse(text).errors[0]
    // Of an unknown error only the detail says something: the words of the provider, then numbers of the request.
    const words = typeof detail === 'string' ? detail : `${code}: ${message} ${JSON.stringify(detail ?? '')}`
    return words.split('\n\tstatus code:')[0] ?? ''
  } catch {
    return text
  }
}

async function pushAndPull(): Promise<void> {
  const { headers } = await ask('POST', `${REPOSITORY}/blobs/uploads/`)
  const upload = new URL(headers.get('location') ?? '', registry)
  upload.searchParams.set('digest', DIGEST)
  await ask('PUT', upload, CONTENT)
  const pulled = await (await ask('GET', `${REPOSITORY}/blobs/${DIGEST}`)).text()
  if (pulled !== CONTENT) throw new Error(`${CONTENT.length} bytes were written, and others were read back`)
  // It no longer exists in this repository; garbage collection deletes in the same way.
  await ask('DELETE', `${REPOSITORY}/blobs/${DIGEST}`)
}

try {
  checkSecret()
  await started()
  await pushAndPull()
} catch (error) {
  const reason = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim()
  const sentence = `The registry cannot use ${storage}: ${reason.slice(0, MAX_REASON)}`
  writeFileSync(process.env.TERMINATION_LOG ?? '/dev/termination-log', sentence)
  console.error(sentence)
  process.exitCode = 1
} finally {
  // The Job is over once both are.
  for (const pid of registryProcesses()) process.kill(pid, 'SIGTERM')
}
