/** Numbers for names: the real platforms number owners, repositories and users; here the number follows the name. */
import { createHash } from 'node:crypto'

/** The ids that the examples use. */
const EXAMPLES: Record<string, number> = { 'owner:acme': 501, 'repository:acme/app': 1001, 'namespace:acme': 72 }

/** Derived ids start here, clear of those of the examples. */
const FIRST_DERIVED = 10_000_000

/**
 * @param kind what is numbered, such as `owner` or `repository`: equal names of two kinds have different ids
 * @returns the same id for the same name, today and on every machine; as a string, as the platforms send it
 */
export function idOf(kind: string, name: string): string {
  const key = `${kind}:${name}`
  return String(EXAMPLES[key] ?? FIRST_DERIVED + createHash('sha256').update(key).digest().readUInt32BE())
}

/** The part of a path up to its last slash: the owner of a repository, the namespace of a project. */
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))
