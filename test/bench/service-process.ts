/** The real token service, bundled, as a process of its own, as a pod would run it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bundleFileName, bundleService, nodeOptions } from '../../service/bundle.ts'
import { createOutputFile, type OutputFile } from './output-file.ts'
import { OWN_SCOPE } from './upstream.ts'

/** The client id that it is started with, which is also its `service`. */
export const CLIENT_ID = 'docker-registry'

/** A running one. */
export interface ServiceProcess extends AsyncDisposable {
  /** Its token endpoint. */
  url: string
  pid: number
  output: Pick<OutputFile, 'newLines'>
  /** Exit code or signal; undefined while it runs. */
  ended(): number | NodeJS.Signals | undefined
  /** Asks it to end. @returns exit code or signal */
  stop(): Promise<number | NodeJS.Signals>
}

const START_LIMIT_MS = 20_000
const POLL_MS = 20

/**
 * Bundles it and starts it, with the log as in production.
 * @param env settings beside the usual ones
 * @throws Error with what it wrote if it does not start
 */
export async function startService(tokenUrl: string, env: Record<string, string> = {}): Promise<ServiceProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'bench-service-'))
  for (const [name, text] of Object.entries(await bundleService())) await writeFile(join(dir, name), text)
  const output = createOutputFile(join(dir, 'output'))
  const child = spawn(process.execPath, [...nodeOptions, join(dir, bundleFileName)], {
    env: {
      TOKEN_URL: tokenUrl,
      CLIENT_ID,
      SCOPE: OWN_SCOPE,
      LISTEN: '127.0.0.1:0',
      LOG_LEVEL: 'info',
      ...env,
    },
    stdio: ['ignore', output.fd, output.fd],
  })
  const dieTogether = () => child.kill('SIGKILL')
  process.once('exit', dieTogether)
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  const ended = () => child.exitCode ?? child.signalCode ?? undefined

  const dispose = async () => {
    child.kill('SIGKILL')
    await exited
    process.off('exit', dieTogether)
    output.close()
    await rm(dir, { recursive: true, force: true })
  }
  try {
    const port = await portOf(output, ended)
    return {
      url: `http://127.0.0.1:${port}/token`,
      pid: child.pid ?? 0,
      output,
      ended,
      stop() {
        child.kill('SIGTERM')
        return exited
      },
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

async function portOf(output: OutputFile, ended: () => unknown): Promise<number> {
  const untilMs = performance.now() + START_LIMIT_MS
  let said = ''
  while (performance.now() < untilMs && ended() === undefined) {
    await sleep(POLL_MS)
    said += output.newLines()
    const port = /"port":(\d+).*"msg":"listening"/.exec(said)?.[1]
    if (port) return Number(port)
  }
  throw new Error(`the token service does not start (exit: ${ended() ?? 'none'}):\n${said}`)
}

/** Bytes of memory that a process holds; undefined where it cannot be measured (not Linux). */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
}
