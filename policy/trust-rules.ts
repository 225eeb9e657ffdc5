/** What is forbidden in the rules, read from the document that authentik gets: what decides, not what was written. */
import { loadPolicy, type TrustDocument } from '../trust/decision/policy.ts'
import { namesSomebody } from '../trust/language/identity-claims.ts'
import { identityClaims } from '../trust/platforms/platform-claims.ts'

type Source = TrustDocument['sources'][number]
type Rule = Source['rules'][number]

/** The sentences of what one policy finds, one for each rule. */
export type RuleCheck = (rule: Rule, source: Source) => string | undefined

export const trustsEveryone: RuleCheck = (rule, source) =>
  namesSomebody(source.platform, Object.fromEntries(rule.claims))
    ? undefined
    : `trusts everyone who can run a job at ${source.issuer}; name an owner by id instead of any: true`

export const writesEverywhere: RuleCheck = ({ push, delete: removed }) => {
  const open = [...push, ...removed].filter((pattern) => !/[\p{L}\p{N}]/u.test(pattern))
  return open.length === 0
    ? undefined
    : `may push to or delete ${open.join(', ')}, which is every repository; name a prefix`
}

/** Whoever takes over a freed name gets what the rule grants; an id is never given again. */
export const namesWithoutId: RuleCheck = (rule, source) => {
  const { byId, byName } = identityClaims[source.platform]
  const claims = rule.claims.map(([claim]) => claim)
  if (byId.length === 0 || claims.some((claim) => byId.includes(claim))) return undefined
  const names = claims.filter((claim) => byName.includes(claim))
  return names.length === 0 ? undefined : `names its owner by ${names.join(', ')} alone; add ${byId.join(' or ')}`
}

/** @param attributes of the group that holds the rules, JSON */
export function checkRules(attributes: unknown, check: RuleCheck): string[] {
  const document = loadPolicy(parsed(attributes))?.document
  if (document === undefined) return ['the rules are not a document that this version understands']
  return document.sources.flatMap((source) =>
    source.rules.flatMap((rule) => {
      const sentence = check(rule, source)
      return sentence === undefined ? [] : [`rule ${rule.number} of source ${source.slug} ${sentence}`]
    }),
  )
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return undefined
  }
}
