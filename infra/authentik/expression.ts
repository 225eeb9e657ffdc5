/** Python expressions for authentik: real files, in which only constants are set, and never by pasting text. */

/**
 * The file with its string constants set, without surrounding white space: authentik strips it, and what is stored
 * has to equal what was sent or every `pulumi up` shows a change.
 *
 * @param source a Python file with one line `NAME = ...` for each constant
 * @throws if a constant has no line, or more than one: then the file was changed and this call was not
 */
export function renderExpression(source: string, constants: Record<string, string>): string {
  return Object.entries(constants).reduce((text, [name, value]) => {
    const line = new RegExp(`^${name} = .*$`, 'gm')
    const found = text.match(line)?.length ?? 0
    if (found !== 1) throw new Error(`expected one line "${name} = ..." in the expression, found ${found}`)
    // A function, because a replacement text would give meaning to `$&` in the value.
    return text.replace(line, () => `${name} = ${pythonString(value)}`)
  }, source.trim())
}

/**
 * A text as a Python string literal of ASCII letters on one line. Everything but the plainest characters is escaped:
 * authentik indents an expression line by line, and counts more characters as line breaks than Python's own parser.
 */
export function pythonString(text: string): string {
  const escaped = [...text].map((character) =>
    /[\w .:/@-]/.test(character) ? character : `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`,
  )
  return `"${escaped.join('')}"`
}
