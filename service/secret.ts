import { inspect } from 'node:util'

/**
 * A value that no log, error or JSON shows: whatever prints it prints `[secret]`.
 * The private field keeps it out of `Object.entries` and `structuredClone` too; only `reveal` returns it.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The value itself, for the one place that sends it on. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
