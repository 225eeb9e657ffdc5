/** A value in quotes, shortened, with everything escaped that a terminal could interpret. */
export function quote(value: unknown, limit = 80): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  const characters = [...text]
  const shown = characters.length > limit ? `${characters.slice(0, limit).join('')}…` : text
  // JSON escapes the ASCII controls; the rest of C, Z (but the space) and bidirectional marks are escaped here.
  return JSON.stringify(shown).replaceAll(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}
