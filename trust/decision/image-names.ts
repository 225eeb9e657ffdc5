/**
 * Claims that rules insert into image names although they cannot be part of one: GitHub and GitLab allow repository
 * names such as `.github` and `my___app`, a registry does not. Such a claim grants nothing, and this says why.
 */

import { MAX_QUOTED_CHARACTERS } from '../limits.ts'
import type { ClaimTexts } from './claim-texts.ts'
import type { PolicyRule, PolicySource } from './policy.ts'
import { quote } from './quote.ts'
import { isRepositoryPath, type NameTemplate, repositoryPath } from './repository-names.ts'

/** One such claim that a rule needs. */
export interface UnusableClaim {
  readonly claim: string
  readonly text: string
  /** The name pattern of the rule, as it was written. */
  readonly template: string
}

export type NamedAction = 'pull' | 'push' | 'delete'

/** The name patterns that grant an action. */
export function templatesFor(rule: PolicyRule, action: NamedAction): readonly NameTemplate[] {
  return action === 'pull' ? [...rule.pull, ...rule.push] : rule[action]
}

/** The claims that matching rules need for an action but cannot use, each once. */
export function unusableClaims(
  rules: readonly PolicyRule[],
  texts: ClaimTexts,
  actions: readonly NamedAction[] = ['push', 'pull', 'delete'],
): UnusableClaim[] {
  const found = new Map<string, UnusableClaim>()
  for (const template of rules.flatMap((rule) => actions.flatMap((action) => templatesFor(rule, action)))) {
    for (const [index, claim] of template.entries()) {
      const text = index % 2 === 0 ? undefined : texts.get(claim)
      if (text === undefined || repositoryPath(text) !== undefined || found.has(claim)) continue
      found.set(claim, { claim, text, template: written(template) })
    }
  }
  return [...found.values()]
}

/** Whether rules grant some repository, or the catalog. */
export function grantSomething(rules: readonly PolicyRule[], texts: ClaimTexts): boolean {
  const usable = (claim: string) => repositoryPath(texts.get(claim) ?? '') !== undefined
  const grants = (template: NameTemplate) => template.every((piece, index) => index % 2 === 0 || usable(piece))
  return rules.some((rule) => rule.catalog || templatesFor(rule, 'pull').some(grants) || rule.delete.some(grants))
}

/** Says which claim cannot be the name of an image, and which rule to add; undefined if there is no such claim. */
export function unusableSentence(
  source: PolicySource,
  texts: ClaimTexts,
  [first]: readonly UnusableClaim[],
): string | undefined {
  if (first === undefined) return undefined
  const { claim, text, template } = first
  const by = { github: 'repository_id', gitlab: 'project_id', oidc: 'sub' }[source.platform]
  const claims = texts.has(by) ? `, claims: { ${by}: ${quoted(texts.get(by) ?? '')} }` : ''
  const rule = `{ source: ${source.slug}${claims}, push: ["${nearestImageName(text)}"] }`
  return (
    `${claim} ${quoted(text)} cannot be the name of an image, so ${quote(template)} of the rules grants it nothing; ` +
    `add a rule that names the image: ${rule}`
  )
}

const quoted = (text: string) => quote(text, MAX_QUOTED_CHARACTERS)

/** The image name closest to a text: `acme/github` for `acme/.github`. */
export function nearestImageName(text: string): string {
  const parts = text
    .toLowerCase()
    .split('/')
    .map((part) =>
      part
        .replaceAll(/[^a-z0-9._-]+/g, '-')
        .replaceAll(/[._-]{2,}/g, ([separator = '-']) => separator)
        .replaceAll(/^[._-]+|[._-]+$/g, ''),
    )
    .filter((part) => part !== '')
  const name = parts.join('/')
  return isRepositoryPath(name) && parts.length > 1 ? name : 'acme/app'
}

function written(template: NameTemplate): string {
  return template.map((piece, index) => (index % 2 === 0 ? piece : `{${piece}}`)).join('')
}
