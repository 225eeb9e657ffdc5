/** Reads answers of HTTP/1.1 off a connection: as little of the protocol as a load generator needs. RFC 9112. */

/** One whole answer. `body` is good only until the next piece is read. */
export interface Answer {
  status: number
  /** Status line and headers as they came, without the empty line. */
  head: string
  body: Buffer
  /** Whether the server ends the connection with it. */
  last: boolean
}

const headEndMark = Buffer.from('\r\n\r\n')
const lineEndMark = Buffer.from('\r\n')

/** Bytes of one answer. Real ones have 3 kB. */
const MAX_ANSWER_BYTES = 1024 * 1024

/** The value of a header, without regard to case; undefined where there is none. */
export function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`\r\n${name}: *([^\r\n]*)`, 'i').exec(head)?.[1]
}

/**
 * Makes the reader of one connection on which the next request waits for the answer to the last.
 * @returns takes a piece of what arrives and gives the answer that it completes
 * @throws Error where anything but one such answer arrives
 */
export function createAnswerReader(): (piece: Buffer) => Answer | undefined {
  let held: Buffer | undefined
  return (piece) => {
    const bytes = held ? Buffer.concat([held, piece]) : piece
    const read = readAnswer(bytes)
    if (!read) {
      if (bytes.length > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`)
      // The connection uses its buffer again.
      held = held ? bytes : Buffer.from(bytes)
      return undefined
    }
    if (read.end < bytes.length) throw new Error(`${bytes.length - read.end} bytes too many behind an answer`)
    held = undefined
    return read.answer
  }
}

function readAnswer(bytes: Buffer): { answer: Answer; end: number } | undefined {
  const headEnd = bytes.indexOf(headEndMark)
  if (headEnd < 0) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? Number.NaN)
  if (Number.isNaN(status)) throw new Error('what came is not HTTP/1.1')
  const found = findBody(bytes, headEnd + headEndMark.length, head, status)
  if (!found) return undefined
  return { answer: { status, head, body: found.body, last: /\r\nconnection: *close/i.test(head) }, end: found.end }
}

function findBody(
  bytes: Buffer,
  start: number,
  head: string,
  status: number,
): { body: Buffer; end: number } | undefined {
  if (status === 204 || status === 304) return { body: bytes.subarray(start, start), end: start }
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    const end = start + Number(length)
    return end <= bytes.length ? { body: bytes.subarray(start, end), end } : undefined
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return joinChunks(bytes, start)
  throw new Error('an answer that does not say where it ends')
}

/** Servers in Go send every answer of more than 2 kB in chunks. RFC 9112 §7.1, without trailers. */
function joinChunks(bytes: Buffer, start: number): { body: Buffer; end: number } | undefined {
  const chunks: Buffer[] = []
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf(lineEndMark, at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    if (Number.isNaN(size)) throw new Error('a chunk without a size')
    const from = lineEnd + lineEndMark.length
    const end = from + size + lineEndMark.length
    if (end > bytes.length) return undefined
    if (size === 0) return { body: Buffer.concat(chunks), end }
    chunks.push(bytes.subarray(from, from + size))
    at = end
  }
}
