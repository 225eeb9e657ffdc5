/**
 * Anchored globs over claims and repository names: `*` is any run without "/", `**` any run; everything else matches
 * itself.
 *
 * A pattern is split into pieces once. Matching keeps every position that can be reached, one piece after the other, so
 * the work is at most (pieces) x (length of the text): no pattern makes it backtrack.
 *
 * Strings are compared by UTF-16 unit. For well-formed text the result is the same as by code point
 * (as in Python): the pieces split at ASCII characters, and no piece starts with half a surrogate pair.
 */

/** The part of a string that matching uses; a test counts the steps through it. */
export interface Text {
  readonly length: number
  startsWith(part: string, at: number): boolean
  indexOf(part: string, from: number): number
}

/** One pattern. It is split into pieces only when a text matches its ends, which is rare. */
export class Glob {
  readonly pattern: string
  readonly #firstStar: number
  readonly #tail: string
  #pieces: readonly string[] | undefined

  constructor(pattern: string) {
    this.pattern = pattern
    this.#firstStar = pattern.indexOf('*')
    this.#tail = pattern.slice(pattern.lastIndexOf('*') + 1)
  }

  /** Whether the whole text fits the pattern. */
  matches(text: string): boolean {
    const { pattern } = this
    if (this.#firstStar < 0) return pattern === text
    if (!text.startsWith(pattern.slice(0, this.#firstStar)) || !text.endsWith(this.#tail)) return false
    this.#pieces ??= splitPattern(pattern)
    return piecesMatch(this.#pieces, text)
  }
}

/** A pattern as its literals, `*` and `**`. */
export function splitPattern(pattern: string): string[] {
  return pattern.match(/\*\*|\*|[^*]+/g) ?? []
}

/** Whether the whole text fits the pieces, one after the other. */
export function piecesMatch(pieces: readonly string[], text: Text): boolean {
  let reached = [0]
  for (const piece of pieces) {
    reached = advance(reached, piece, text)
    if (reached.length === 0) return false
  }
  return reached.at(-1) === text.length
}

/** The ascending positions that one piece leads to from the ascending positions reached so far. */
function advance(reached: readonly number[], piece: string, text: Text): number[] {
  const onward: number[] = []
  if (piece === '**') {
    for (let at = reached[0] ?? 0; at <= text.length; at++) onward.push(at)
  } else if (piece === '*') {
    let unseen = 0
    for (const start of reached) {
      if (start < unseen) continue
      const slash = text.indexOf('/', start)
      unseen = (slash < 0 ? text.length : slash) + 1
      for (let at = start; at < unseen; at++) onward.push(at)
    }
  } else {
    for (const start of reached) if (text.startsWith(piece, start)) onward.push(start + piece.length)
  }
  return onward
}
