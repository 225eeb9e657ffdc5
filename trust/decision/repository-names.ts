/**
 * Repository names and the name templates of rules.
 * The grammar is that of distribution's reference package, as docs/spec/auth/scope.md repeats it.
 */

import { MAX_NAME_CHARACTERS } from '../limits.ts'
import type { ClaimTexts } from './claim-texts.ts'

const COMPONENT = '[a-z0-9]+(?:(?:\\.|__|_|-+)[a-z0-9]+)*'
const PATH = `${COMPONENT}(?:/${COMPONENT})*`
const path = new RegExp(`^${PATH}$`)
const pathAnyCase = new RegExp(`^${PATH.replaceAll('a-z', 'a-zA-Z')}$`)
const resource = new RegExp(`^(?:${COMPONENT}:[0-9]+/)?${PATH}$`)

/** Whether the registry could have a repository of this name. */
export function isRepositoryPath(name: string): boolean {
  return name.length <= MAX_NAME_CHARACTERS && path.test(name)
}

/** Whether this can be the name in a scope: a repository's name, with or without a host and port before it. */
export function isResourceName(name: string): boolean {
  return name.length <= MAX_NAME_CHARACTERS && resource.test(name)
}

/** Claims by name, each as part of a repository name. */
export type RepositoryPaths = ReadonlyMap<string, string>

/**
 * A claim as part of a repository name, lower-cased; undefined where it cannot be one. It never contains "*", so it is
 * not a pattern.
 */
export function repositoryPath(text: string): string | undefined {
  // Only ASCII letters get here, which every language lower-cases the same way.
  return text.length <= MAX_NAME_CHARACTERS && pathAnyCase.test(text) ? text.toLowerCase() : undefined
}

/** The claims that can be part of a repository name. */
export function repositoryPaths(texts: ClaimTexts): RepositoryPaths {
  const paths = new Map<string, string>()
  for (const [name, text] of texts) {
    const path = repositoryPath(text)
    if (path !== undefined) paths.set(name, path)
  }
  return paths
}

/** A name pattern of a rule, such as `{repository}/**`: literals at even indexes, names of claims at odd ones. */
export type NameTemplate = readonly string[]

/** Splits a name pattern at its `{claim}` parts. */
export function parseTemplate(template: string): NameTemplate {
  return template.split(/\{([^{}]*)\}/)
}

/** The claims that a name pattern needs. */
export function templateClaims(template: string): string[] {
  return parseTemplate(template).filter((_, index) => index % 2 === 1)
}

/** The pattern with its claims in place, or undefined if one is absent or is not a repository name. */
export function insertClaims(template: NameTemplate, paths: RepositoryPaths): string | undefined {
  let pattern = ''
  for (const [index, piece] of template.entries()) {
    const inserted = index % 2 === 0 ? piece : paths.get(piece)
    if (inserted === undefined) return undefined
    pattern += inserted
  }
  return pattern
}
