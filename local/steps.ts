/**
 * One line per step with its time, so that whoever waits knows for what, and a slow step is seen at once.
 */
import { styleText } from 'node:util'

/** Prints to stderr: stdout belongs to what a command answers. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** A step that may take minutes repeats its title this often. */
const REPEAT_SECONDS = 30

/**
 * Runs one step and prints its title with the seconds it took.
 *
 * @param options.takesMinutes prints the title at the start too, and again while the step runs
 * @throws whatever `work` throws, after the line said that the step failed
 */
export async function step<T>(title: string, work: () => Promise<T>, { takesMinutes = false } = {}): Promise<T> {
  const started = performance.now()
  const line = (mark: string) => say(`${mark} ${title} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
  const repeating = takesMinutes ? setInterval(() => line('…'), REPEAT_SECONDS * 1000) : undefined
  if (takesMinutes) line('…')
  try {
    const result = await work()
    line(styleText('green', '✓'))
    return result
  } catch (error) {
    line(styleText('red', '✗'))
    throw error
  } finally {
    clearInterval(repeating)
  }
}

/**
 * What a person can act on. Anything else that is thrown is a defect and keeps its stack trace.
 */
export class Stop extends Error {
  override readonly name = 'Stop'
}

/**
 * Runs a command to its end: a `Stop` is printed as one message, exit status 1. What is still under way then is ended
 * with the process, and so is all of it on Ctrl-C; nothing waits for a step that no longer matters.
 */
export async function runCommand(main: () => Promise<void>): Promise<void> {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => process.exit(status))
  }
  try {
    await main()
  } catch (error) {
    say(messageOf(error))
    process.exit(1)
  }
}

/** How the kernel and the programs that we run tell that a disk is full. */
const diskFull = /ENOSPC|no space left on device/i

function messageOf(error: unknown): string {
  if (error instanceof Stop) return `\n${error.message}`
  const text = String(error instanceof Error ? error.stack : error)
  if (!diskFull.test(text)) return text
  return `\nA disk is full. What was done is kept: free some space and run this again. The error was:\n${text}`
}
