/**
 * One step of `npm test`: a command, and how many tests it ran and failed.
 *
 * The numbers come from the result file that a test runner writes, never from its output. A runner that crashes, writes
 * no results, or finds no test has failed: silence is not success.
 */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { projectDir } from '../../local/paths.ts'

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

export interface Step {
  name: string
  argv: readonly [string, ...string[]]
  environment?: Record<string, string>
  limitSeconds: number
  /** Missing for a check that either passes or fails. */
  results?: { file: string; parse: (text: string) => Counts }
}

export interface Outcome extends Counts {
  name: string
  seconds: number
  /** Why it failed, where the counts do not show it. */
  remark?: string
}

/** After the limit, how long a command may take to clean up before it is killed. */
const GRACE_SECONDS = 15

/** Runs the step with this process's output. Never throws for what the command does. */
export async function runStep(step: Step): Promise<Outcome> {
  const startedAt = performance.now()
  const ended = await runToEnd(step)
  const seconds = (performance.now() - startedAt) / 1000
  return { name: step.name, seconds, ...(await judge(step, ended)) }
}

/** A step that could not even be prepared. */
export function failedStep(name: string, remark: string): Outcome {
  return { name, seconds: 0, passed: 0, failed: 1, skipped: 0, remark }
}

async function judge({ results }: Step, ended: string | undefined): Promise<Counts & { remark?: string }> {
  const failure = (remark: string) => ({ passed: 0, failed: 1, skipped: 0, remark })
  if (results === undefined) return ended === undefined ? { passed: 1, failed: 0, skipped: 0 } : failure(ended)
  let counts: Counts
  try {
    counts = results.parse(await readFile(results.file, 'utf8'))
  } catch {
    return failure(`${ended ?? 'ended well, but'} left no results`)
  }
  if (counts.passed + counts.failed === 0) return { ...failure('ran no test'), skipped: counts.skipped }
  if (ended !== undefined && counts.failed === 0)
    return { ...counts, failed: 1, remark: `${ended} though no test failed` }
  return counts
}

/** @returns how it ended, undefined when well */
function runToEnd({ argv: [file, ...args], environment, limitSeconds }: Step): Promise<string | undefined> {
  const child = spawn(file, args, {
    cwd: projectDir,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  let isLate = false
  let kill: NodeJS.Timeout | undefined
  const limit = setTimeout(() => {
    isLate = true
    child.kill('SIGTERM')
    kill = setTimeout(() => child.kill('SIGKILL'), GRACE_SECONDS * 1000)
  }, limitSeconds * 1000)
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  child.on('error', ({ message }) => resolve(`could not be started (${message})`))
  child.on('exit', (code, signal) => {
    if (isLate) resolve(`took longer than ${limitSeconds} s`)
    else resolve(code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`)
  })
  return promise.finally(() => {
    clearTimeout(limit)
    clearTimeout(kill)
  })
}
