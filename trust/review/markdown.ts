/** Text of a stack's files in Markdown: it is somebody else's, and must not become a link, a mention or a heading. */
import { quote } from '../decision/quote.ts'

const MAX_SHOWN_CHARACTERS = 300

/** As a code span; control characters are escaped, and backticks, which would end it, become apostrophes. */
export function code(text: string): string {
  const escaped = quote(text, MAX_SHOWN_CHARACTERS).slice(1, -1).replaceAll('\\"', '"').replaceAll('\\\\', '\\')
  return `\`${escaped.replaceAll('`', "'")}\``
}

/** A sentence of ours that quotes such text between double quotes: the quoted parts become code spans. */
export function sentence(text: string): string {
  const parts = text.split(/("(?:[^"\\]|\\.)*")/)
  return parts.map((part, index) => (index % 2 === 1 ? code(part.slice(1, -1)) : plain(part))).join('')
}

/** Everything that Markdown or HTML could interpret, escaped. */
function plain(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]<>#|@!~]/g, (character) => `\\${character}`).replaceAll(/\s+/g, ' ')
}

/** A list under a heading; nothing without entries. What is beyond the limit is counted. */
export function list(heading: string, entries: readonly string[], limit: number): string[] {
  if (entries.length === 0) return []
  const rest = entries.length - limit
  const shown = entries.slice(0, limit).map((entry) => `- ${entry}`)
  return [`### ${heading}`, '', ...shown, ...(rest > 0 ? [`- and ${rest} more`] : []), '']
}
