/**
 * What a process writes, in a file that does not grow without end. A pipe would not do: whoever reads it too slowly
 * stops the process that is measured.
 */
import { closeSync, ftruncateSync, openSync, readSync } from 'node:fs'

/** The file. */
export interface OutputFile {
  /** To be given to the process as its standard output and error. */
  fd: number
  /** The whole lines that have come since the last call. */
  newLines(): Buffer
  close(): void
}

/** Bytes from which the file is emptied once it has been read: an hour of log lines would fill a disk. */
const MAX_BYTES = 32 * 1024 * 1024
const PIECE_BYTES = 1024 * 1024
const LINE_END = 0x0a

/** Makes a file. */
export function createOutputFile(path: string): OutputFile {
  // Appending: after the file was emptied, the process goes on at its beginning.
  const fd = openSync(path, 'a+', 0o600)
  let at = 0
  let rest = Buffer.alloc(0)
  return {
    fd,
    newLines() {
      const pieces = [rest]
      for (;;) {
        const piece = Buffer.allocUnsafe(PIECE_BYTES)
        const bytes = readSync(fd, piece, 0, piece.length, at)
        if (bytes === 0) break
        at += bytes
        pieces.push(piece.subarray(0, bytes))
      }
      // A line that is written between the last read and this is lost; one in a hundred thousand.
      if (at > MAX_BYTES) {
        ftruncateSync(fd, 0)
        at = 0
      }
      const all = Buffer.concat(pieces)
      const end = all.lastIndexOf(LINE_END) + 1
      rest = all.subarray(end)
      return all.subarray(0, end)
    },
    close: () => closeSync(fd),
  }
}
