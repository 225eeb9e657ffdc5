/** What can be wrong with a rule whose shape is right. */

import { quote } from '../decision/quote.ts'
import { isRepositoryPath, parseTemplate, templateClaims } from '../decision/repository-names.ts'
import { MAX_WILDCARDS } from '../limits.ts'
import { claimsOf, identityClaims, type Platform, platformSends } from '../platforms/platform-claims.ts'
import { type Finding, nearestName } from './findings.ts'
import { foreignCode } from './foreign-code.ts'
import { emptyIdentities, namesSomebody } from './identity-claims.ts'
import type { RuleSettings } from './rule-schema.ts'
import type { TrustSource } from './source-schema.ts'

type Draft = Omit<Finding, 'rule'>

/**
 * Everything wrong with one rule. If its source is unknown, its claims cannot be checked, so that is the only finding.
 */
export function checkRule(rule: RuleSettings, number: number, sources: readonly TrustSource[]): Finding[] {
  const source = sources.find(({ slug }) => slug === rule.source)
  const drafts =
    source === undefined
      ? [unknownSource(rule.source, sources)]
      : [
          ...claimFindings(rule, source.platform),
          ...identityFindings(rule, source),
          ...nameFindings(rule, source.platform),
        ]
  return drafts.map((draft) => ({ ...draft, rule: number }))
}

function error(code: string, field: string, wrong: string, example: string): Draft {
  return { severity: 'error', code, field, wrong, example }
}

function unknownSource(slug: string, sources: readonly TrustSource[]): Draft {
  const known = sources.map((source) => source.slug)
  const wrong = `there is no source ${quote(slug)}, there are ${known.map((name) => quote(name)).join(', ') || 'none'}`
  return error('source-unknown', 'source', wrong, `source: ${nearestName(slug, known) ?? known[0] ?? 'github'}`)
}

function unknownClaim(claim: string, field: string, platform: Platform): Draft {
  const meant = nearestName(claim, claimsOf(platform))
  const wrong = `tokens of ${platform} do not contain a claim ${quote(claim)}, so this never matches`
  const likely = meant ?? (platform === 'gitlab' ? 'project_path' : 'repository')
  return error('claim-unknown', field, wrong, field.startsWith('claims') ? `${likely}: ...` : `"{${likely}}"`)
}

function claimFindings(rule: RuleSettings, platform: Platform): Draft[] {
  return Object.entries(rule.claims).flatMap(([claim, patterns]) => {
    const field = `claims.${claim}`
    const unknown = platformSends(platform, claim) ? [] : [unknownClaim(claim, field, platform)]
    return [...unknown, ...patterns.flatMap((pattern) => patternFindings(pattern, field, rule.any === true))]
  })
}

function patternFindings(pattern: string, field: string, any: boolean): Draft[] {
  const found = wildcardFindings(pattern, field)
  if (!pattern.isWellFormed() || /\p{Cc}/u.test(pattern)) {
    found.push(error('pattern-invalid', field, `${quote(pattern)} contains a control character`, '"refs/heads/main"'))
  }
  if (!any && pattern.includes('*') && !/[\p{L}\p{N}]/u.test(pattern)) {
    const wrong = `${quote(pattern)} can match everything`
    found.push(error('matches-everything', field, wrong, '"refs/tags/*", or any: true to match every job'))
  }
  return found
}

function wildcardFindings(pattern: string, field: string): Draft[] {
  const wildcards = pattern.match(/\*+/g) ?? []
  if (wildcards.some((stars) => stars.length > 2)) {
    return [error('wildcard-invalid', field, `${quote(pattern)} has more than two stars in a row`, '"acme/**"')]
  }
  if (wildcards.length > MAX_WILDCARDS) {
    const wrong = `${quote(pattern)} has ${wildcards.length} wildcards, more than ${MAX_WILDCARDS}`
    return [error('wildcard-invalid', field, wrong, '"acme/**"')]
  }
  return []
}

function identityFindings(rule: RuleSettings, source: TrustSource): Draft[] {
  const { platform } = source
  const { byId, byName } = identityClaims[platform]
  const found: Draft[] = []
  if (rule.any !== true && !namesSomebody(platform, rule.claims)) {
    const example = { github: 'repository_owner_id: "501"', gitlab: 'namespace_id: "72"', oidc: 'sub: "..."' }[platform]
    const empty = emptyIdentities(platform, rule.claims)
    const about = empty.length === 0 ? 'none of these claims says' : `${empty.join(', ')} as written does not say`
    const wrong = `${about} whose job it is, so every job of ${source.issuer} matches`
    found.push(error('open-to-all', 'claims', wrong, `${example}, or any: true to trust everyone`))
  }
  if (platform === 'oidc') return found
  const named = Object.keys(rule.claims)
  if (named.includes('sub')) {
    const wrong = 'sub changes with branch, tag and environment, and contains ids for newer repositories'
    const example = platform === 'github' ? 'repository_id: "101"' : 'project_id: "20"'
    found.push({ severity: 'warning', code: 'matches-sub', field: 'claims.sub', wrong, example })
  }
  const byNameOnly = named.find((claim) => claim !== 'sub' && byName.includes(claim))
  if (byNameOnly !== undefined && !named.some((claim) => byId.includes(claim))) {
    found.push(nameWithoutId(byNameOnly, rule.claims[byNameOnly] ?? [], platform))
  }
  const foreign = foreignCode(platform, rule)
  if (foreign !== undefined) found.push(foreign)
  return found
}

function nameWithoutId(claim: string, patterns: readonly string[], platform: Platform): Draft {
  const advice = { severity: 'advice', code: 'name-without-id', field: `claims.${claim}` } as const
  const taken = 'a name can be given up and taken over by someone else'
  if (claim === 'namespace_path' && patterns.every((pattern) => pattern.endsWith('/**'))) {
    const wrong = `subgroups are matched by name, as GitLab's tokens do not contain the ids of parent groups; ${taken}`
    return { ...advice, wrong, example: 'each subgroup with its own id: { name: acme/team, id: "73" }' }
  }
  const example = platform === 'github' ? 'repository_owner_id: "501" beside it' : 'namespace_id: "72" beside it'
  return { ...advice, wrong: `${taken}, an id cannot`, example }
}

function nameFindings(rule: RuleSettings, platform: Platform): Draft[] {
  const lists = (['push', 'pull', 'delete'] as const).map((field) => ({ field, templates: rule[field] ?? [] }))
  if (rule.catalog !== true && lists.every(({ templates }) => templates.length === 0)) {
    return [error('grants-nothing', 'push', 'the rule grants nothing', 'push: ["{repository}"]')]
  }
  return lists.flatMap(({ field, templates }) =>
    templates.flatMap((template) => templateFindings(template, field, platform)),
  )
}

function templateFindings(template: string, field: string, platform: Platform): Draft[] {
  const unknown = templateClaims(template).filter((claim) => !platformSends(platform, claim))
  const found = [...unknown.map((claim) => unknownClaim(claim, field, platform)), ...wildcardFindings(template, field)]
  const literals = parseTemplate(template).map((piece, index) => (index % 2 === 0 ? piece : 'a'))
  const sample = literals.join('').replaceAll(/\*+/g, 'a')
  if (/[A-Z]/.test(sample)) {
    const wrong = `${quote(template)} has upper-case letters, which repository names never have`
    const example = parseTemplate(template)
      .map((piece, index) => (index % 2 === 0 ? piece.toLowerCase() : `{${piece}}`))
      .join('')
    found.push(error('name-upper-case', field, wrong, quote(example)))
  } else if (!isRepositoryPath(sample)) {
    const wrong = `${quote(template)} cannot be a repository name`
    found.push(error('name-invalid', field, wrong, '"acme/app", "{repository}/**"'))
  }
  if (field !== 'pull' && /^[*/]*$/.test(template)) {
    const wrong = `${quote(template)} covers every repository`
    found.push({ severity: 'warning', code: 'reaches-everything', field, wrong, example: '"{repository}/**"' })
  } else if (/\}\*/.test(template)) {
    const wrong = `${quote(template)} also covers names that only begin the same, as "acme-evil" begins with "acme"`
    found.push({ severity: 'warning', code: 'wildcard-after-claim', field, wrong, example: '"{repository}/**"' })
  }
  return found
}
