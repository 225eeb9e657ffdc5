/**
 * Shows a person what is being done and how long it takes: plain text on standard error, so that standard output
 * stays free for what a command was asked for.
 */

export interface Report {
  /** A line that stands for itself. */
  note(line: string): void
  /** Announces `title`, repeats it with the seconds gone while `work` runs, and closes with the time it took. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>
}

interface Output {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

/** A person watches a terminal and a line is rewritten in place; a log gets a new line, so fewer of them. */
const TERMINAL_INTERVAL_SECONDS = 1
const LOG_INTERVAL_SECONDS = 30

export function createReport(output: Output = process.stderr, now: () => number = () => performance.now()): Report {
  const terminal = output.isTTY === true
  const running = new Map<symbol, { title: string; startedAt: number }>()
  const secondsSince = (startedAt: number) => `${Math.round((now() - startedAt) / 1000)} s`
  const clearStatus = () => terminal && output.write('\r\x1b[K')

  const writeStatus = () => {
    const status = [...running.values()].map(({ title, startedAt }) => `${title} ... ${secondsSince(startedAt)}`)
    if (status.length === 0) return
    if (terminal) {
      clearStatus()
      output.write(status.join(' | ').slice(0, (output.columns ?? 80) - 1))
    } else {
      for (const line of status) output.write(`${line}\n`)
    }
  }

  const note = (line: string) => {
    clearStatus()
    output.write(`${line}\n`)
    if (terminal) writeStatus()
  }

  let timer: NodeJS.Timeout | undefined
  return {
    note,
    async step(title, work) {
      const id = Symbol(title)
      const startedAt = now()
      running.set(id, { title, startedAt })
      timer ??= setInterval(writeStatus, (terminal ? TERMINAL_INTERVAL_SECONDS : LOG_INTERVAL_SECONDS) * 1000)
      if (terminal) writeStatus()
      else output.write(`${title} ...\n`)
      const end = (outcome: string) => {
        running.delete(id)
        if (running.size === 0) {
          clearInterval(timer)
          timer = undefined
        }
        note(`${title}: ${outcome} ${secondsSince(startedAt)}`)
      }
      try {
        const result = await work()
        end('done in')
        return result
      } catch (error) {
        end('failed after')
        throw error
      }
    },
  }
}
