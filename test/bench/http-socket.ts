/**
 * One keep-alive connection that asks and waits for the answer. Bare sockets: `fetch` and its like cost several times
 * what the server under test costs, and would be what is measured.
 */
import { connect, type Socket } from 'node:net'
import { type Answer, createAnswerReader } from './answer-reader.ts'

/** No whole answer came. */
export interface Broken {
  /** Why, in a few words. */
  broken: string
}

/** What became of a request. */
export type Outcome = Answer | Broken

/** A connection, which is opened again when it is needed and gone. */
export interface HttpSocket {
  /** Connects, so that no measurement has to wait for it. Does not fail: the first request will. */
  open(): Promise<void>
  /** Sends a request; one at a time. @param done is called once, and must be done with the body when it returns */
  ask(request: string, done: (outcome: Outcome) => void): void
  /** Breaks a request off that has waited longer than a client would; to be called now and then. */
  giveUpLate(nowMs: number): void
  close(): void
}

/** Milliseconds for an answer: longer than every wait of the token service's own. */
const ANSWER_LIMIT_MS = 40_000
const BUFFER_BYTES = 64 * 1024

/** Makes a connection to a server; it is not open yet. */
export function createHttpSocket({ host, port }: { host: string; port: number }): HttpSocket {
  let socket: Socket | undefined
  let waiting: { done: (outcome: Outcome) => void; sinceMs: number } | undefined

  const settle = (outcome: Outcome) => {
    const settled = waiting
    waiting = undefined
    settled?.done(outcome)
  }
  const fail = (from: Socket, broken: string) => {
    from.destroy()
    if (socket !== from) return
    socket = undefined
    settle({ broken })
  }

  const begin = () => {
    const read = createAnswerReader()
    const begun: Socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(BUFFER_BYTES),
        callback(bytes, buffer) {
          take(Buffer.from(buffer.buffer, buffer.byteOffset, bytes))
          return true
        },
      },
    })
    const take = (piece: Buffer) => {
      if (socket !== begun) return
      let answer: Answer | undefined
      try {
        answer = read(piece)
      } catch (error) {
        return fail(begun, error instanceof Error ? error.message : String(error))
      }
      if (!answer) return
      if (!waiting) return fail(begun, 'an answer to nothing')
      if (answer.last) {
        socket = undefined
        begun.end()
      }
      settle(answer)
    }
    begun.on('error', (error: NodeJS.ErrnoException) => fail(begun, error.code ?? error.message))
    begun.on('end', () => fail(begun, 'ended by the server'))
    begun.on('close', () => fail(begun, 'closed'))
    socket = begun
    return begun
  }

  return {
    async open() {
      const opened = socket ?? begin()
      if (!opened.connecting) return
      await new Promise<void>((resolve) => opened.once('connect', resolve).once('close', () => resolve()))
    },
    ask(request, done) {
      waiting = { done, sinceMs: performance.now() }
      const open = socket ?? begin()
      open.write(request, 'latin1')
    },
    giveUpLate(nowMs) {
      if (socket && waiting && nowMs - waiting.sinceMs > ANSWER_LIMIT_MS) fail(socket, 'no answer in time')
    },
    close() {
      const open = socket
      socket = undefined
      open?.destroy()
    },
  }
}
