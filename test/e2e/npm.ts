/** The project's commands, run as a person types them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { projectDir } from '../../local/paths.ts'

/** Far beyond what `npm run up` takes with built tools, in milliseconds. */
const LIMIT_MS = 300_000

export interface Finished {
  code: number | null
  stdout: string
  /** Both streams, in the order in which they came. */
  output: string
  seconds: number
}

/** A command under way. */
export interface Running {
  process: ChildProcess
  /** Resolves once the output holds `text`. */
  says(text: string): Promise<void>
  finished: Promise<Finished>
}

/** Starts a command in a process group of its own, as a shell does, so that Ctrl-C can be sent to all of it. */
export function start(argv: [string, ...string[]], env: Record<string, string | undefined> = {}): Running {
  const started = performance.now()
  const [command, ...args] = argv
  const child = spawn(command, args, {
    cwd: projectDir,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let stdout = ''
  let output = ''
  const waiting = new Set<() => void>()
  const add = (text: string) => {
    output += text
    for (const check of waiting) check()
  }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    add(text)
  })
  child.stderr?.setEncoding('utf8').on('data', add)
  const limit = setTimeout(() => interrupt(child, 'SIGKILL'), LIMIT_MS)
  const finished = once(child, 'close').then(([code]) => {
    clearTimeout(limit)
    return { code: code as number | null, stdout, output, seconds: (performance.now() - started) / 1000 }
  })
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (!output.includes(text)) return
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      finished.then(() => reject(new Error(`${argv.join(' ')} ended without saying "${text}":\n${output}`)))
      check()
    })
  return { process: child, says, finished }
}

/** Sends a signal to a command and all that it started in its process group, as a terminal does. */
export function interrupt({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Runs one of the npm scripts to its end; `npm run -s <script> -- <args>`. */
export async function npm(script: string, ...args: string[]): Promise<Finished> {
  return start(['npm', 'run', '-s', script, '--', ...args]).finished
}
