/** A file that a variable names cannot be used; the message says why, without its contents. */
export class ConfiguredFileError extends Error {
  constructor(variable: string, why: string) {
    super(`${variable} ${why}`)
    this.name = 'ConfiguredFileError'
  }
}
