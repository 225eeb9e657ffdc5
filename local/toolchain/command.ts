/**
 * Runs a command to its end and hands back what it printed; a failure carries the end of its error output.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'

/** How much of a failed command's output an error repeats. */
const TAIL_LINES = 20

/** A command that is not there, failed, or took too long; the message says which and ends with its last lines. */
export class CommandError extends Error {
  override name = 'CommandError'
  /** As in a shell: 127 for a command that is not there, 128 + signal for a killed one. */
  readonly exitCode: number

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

export interface CommandOptions {
  cwd?: string
  /** Added to this process's environment. */
  environment?: Record<string, string>
  timeoutSeconds: number
}

// A process that is ended while a build runs must not leave the build running.
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill()
})

/**
 * @param argv the command and its arguments; no shell is involved
 * @returns standard output, without the white space around it
 * @throws CommandError
 */
export async function run(argv: readonly [string, ...string[]], options: CommandOptions): Promise<string> {
  const [file, ...args] = argv
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
    timeout: options.timeoutSeconds * 1000,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  running.add(child)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  child.on('error', (cause) => reject(new CommandError(`${file} cannot be started: ${cause.message}`, 127, { cause })))
  child.on('close', (code, signal) => {
    if (code === 0) return resolve(stdout.trim())
    const lastLines = (stderr.trim() || stdout.trim()).split('\n').slice(-TAIL_LINES).join('\n')
    const reason = signal
      ? `was ended by ${signal} (its limit is ${options.timeoutSeconds} s)`
      : `failed with exit code ${code}`
    reject(
      new CommandError(
        `${argv.join(' ')} ${reason}\n${lastLines}`,
        code ?? 128 + (signal ? constants.signals[signal] : 0),
      ),
    )
  })
  return promise.finally(() => running.delete(child))
}
