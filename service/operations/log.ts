/** The log: one JSON object a line on standard error, without secrets at any level. */
import { type DestinationStream, type LogFn, type Logger, pino, stdTimeFunctions } from 'pino'
import type { LogLevel } from '../config.ts'

export type Log = Logger

/**
 * The second line of defence: these names are blanked wherever a log object holds them, two levels deep. The first
 * is that credentials are `Secret` and that nothing from outside is logged as text.
 */
const secretFields = [
  'authorization',
  'access_token',
  'client_assertion',
  'cookie',
  'headers',
  'id_token',
  'jwt',
  'password',
  'rawPacket',
  'refresh_token',
  'token',
  'username',
]

/**
 * Gathers the lines of one turn of the event loop and writes them together: under load a write for each line would cost
 * more than everything else that a cached answer takes. When little is going on, a line is written at once.
 */
export function turnWriter(destination: DestinationStream): DestinationStream {
  let gathered = ''
  const flush = () => {
    if (gathered === '') return
    const lines = gathered
    gathered = ''
    destination.write(lines)
  }
  process.once('exit', flush)
  return {
    write: (line) => {
      if (gathered === '') setImmediate(flush)
      gathered += line
    },
  }
}

/**
 * Writes whole lines at once, so that the last one before an exit arrives.
 * @param fd 1 for standard output, 2 for standard error
 */
export function lineWriter(fd: 1 | 2): DestinationStream {
  return pino.destination({ fd, sync: true })
}

/**
 * Makes the log.
 */
export function createLog(level: LogLevel, destination: DestinationStream): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretFields.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
      serializers: { err: describeError },
      hooks: { logMethod: neverTheErrorsOwnMessage },
    },
    destination,
  )
}

/** pino would make the message of an error that comes without a text the text of the line. */
function neverTheErrorsOwnMessage(this: Logger, given: Parameters<LogFn>, write: LogFn): void {
  if (given.length === 1 && typeof given[0] === 'object') write.call(this, given[0], '')
  else write.apply(this, given)
}

/** What may be logged of an error: messages and properties of foreign errors can quote what the client sent. */
export function describeError(error: unknown): { type: string; code?: string; at?: string[] } {
  if (!(error instanceof Error)) return { type: typeof error }
  const code = (error as NodeJS.ErrnoException).code
  const at = error.stack?.split('\n').filter((line) => /^ +at /.test(line))
  return { type: error.name, ...(typeof code === 'string' ? { code } : {}), ...(at ? { at } : {}) }
}
