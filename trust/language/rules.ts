/** Reads the trust rules that a person wrote, and finds everything wrong with them at once. */
import type { z } from 'zod'
import { quote } from '../decision/quote.ts'
import { templateClaims } from '../decision/repository-names.ts'
import { MAX_CLAIMS_IN_USE, MAX_RULES } from '../limits.ts'
import { type Finding, hasErrors, nearestName } from './findings.ts'
import { pushOverlaps } from './push-overlaps.ts'
import { checkRule } from './rule-checks.ts'
import { type RuleSettings, ruleSchema, shortFormSchema, type TrustRule } from './rule-schema.ts'
import { sessionFindings } from './session-claims.ts'
import { expandShortForm, ownedNames } from './short-forms.ts'
import type { TrustSource } from './source-schema.ts'

export interface ParsedRules {
  /** The rules; empty if a finding is an error, since half of the rules would be misleading. */
  readonly rules: readonly TrustRule[]
  readonly findings: readonly Finding[]
}

const examples: Record<string, string> = {
  source: 'source: github',
  claims: 'claims: { repository_owner_id: "501", ref: ["refs/heads/main", "refs/tags/*"] }',
  push: 'push: ["{repository}", "{repository}/**"]',
  pull: 'pull: ["{repository_owner}/**"]',
  delete: 'delete: ["{repository}"]',
  catalog: 'catalog: true',
  any: 'any: true',
  github: 'github: { owners: [{ name: acme, id: "501" }] }',
  gitlab: 'gitlab: { namespaces: [{ name: acme, id: "72" }] }',
  kubernetes: 'kubernetes: { namespaces: [shop], pull: ["acme/**"] }',
}
const shortForms = ['github', 'gitlab', 'kubernetes']
const fields = ['source', 'claims', 'push', 'pull', 'delete', 'catalog', 'any', ...shortForms]
const shortFormFields = ['owners', 'namespaces', 'source', 'name', 'id', 'subgroups', 'serviceAccounts', 'pull']

/**
 * Reads a list of rules and short forms; a single one counts as a list of one.
 *
 * @param value as the configuration has it; undefined and an empty list mean no rules
 * @param sources the sources that rules can name
 */
export function parseRules(value: unknown, sources: readonly TrustSource[]): ParsedRules {
  const entries = value === undefined ? [] : Array.isArray(value) ? value : [value]
  if (entries.length > MAX_RULES) {
    const wrong = `${entries.length} entries are more than the ${MAX_RULES} that authentik can check in time`
    return failed({ severity: 'error', code: 'too-many-rules', field: '', wrong, example: 'one rule for each owner' })
  }
  const rules: TrustRule[] = []
  const read: { number: number; settings: RuleSettings }[] = []
  const findings: Finding[] = []
  const owned = ownedNames(entries.flatMap((entry) => shortFormSchema.safeParse(entry).data ?? []))
  for (const [index, entry] of entries.entries()) {
    const number = index + 1
    const { settings: written, findings: ofShape } = readEntry(entry, number, owned)
    findings.push(...ofShape)
    for (const settings of written) {
      findings.push(...checkRule(settings, number, sources))
      rules.push(fullRule(settings, number))
      read.push({ number, settings })
    }
  }
  findings.push(...pushOverlaps(read, sources), ...sessionFindings(rules, sources))
  const used = claimsInUse(rules)
  if (used.length > MAX_CLAIMS_IN_USE) {
    const wrong = `the rules use ${used.length} different claims, but a session can keep only ${MAX_CLAIMS_IN_USE}`
    const example = examples.claims ?? ''
    findings.push({ severity: 'error', code: 'too-many-claims', field: 'claims', wrong, example })
  }
  return { rules: hasErrors(findings) ? [] : rules, findings }
}

/** The claims that the rules compare or insert, each once, sorted. */
export function claimsInUse(rules: readonly TrustRule[]): string[] {
  const names = rules.flatMap((rule) => [
    ...rule.claims.map(([claim]) => claim),
    ...[...rule.push, ...rule.pull, ...rule.delete].flatMap(templateClaims),
  ])
  return [...new Set(names)].toSorted()
}

function failed(finding: Finding): ParsedRules {
  return { rules: [], findings: [finding] }
}

function readEntry(
  entry: unknown,
  number: number,
  owned: readonly string[],
): { settings: RuleSettings[]; findings: Finding[] } {
  if (typeof entry === 'object' && entry !== null && shortForms.some((form) => form in entry)) {
    const short = shortFormSchema.safeParse(entry)
    if (!short.success) return { settings: [], findings: shapeFindings(short.error, entry, number) }
    const pullsNothing = short.data.kubernetes !== undefined && (short.data.kubernetes.pull ?? owned).length === 0
    if (pullsNothing) return { settings: [], findings: [pullMissing(number)] }
    return { settings: expandShortForm(short.data, owned), findings: [] }
  }
  const full = ruleSchema.safeParse(entry)
  if (full.success) return { settings: [full.data], findings: [] }
  return { settings: [], findings: shapeFindings(full.error, entry, number) }
}

function pullMissing(rule: number): Finding {
  const wrong = 'no rule names an owner in the short form, so it does not follow what these pods pull'
  const example = examples.kubernetes ?? ''
  return { severity: 'error', code: 'pull-missing', rule, field: 'kubernetes.pull', wrong, example }
}

function shapeFindings(error: z.ZodError, entry: unknown, number: number): Finding[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownField(issue.path, key, number))
    const field = issue.path.join('.')
    const example = examples[String(issue.path[0] ?? 'claims')] ?? ''
    const given = valueAt(entry, issue.path)
    const wrong = given === undefined || typeof given === 'object' ? issue.message : `${quote(given)} ${issue.message}`
    const code = field === 'claims' ? 'claims-missing' : 'field-invalid'
    if (field !== '') return [{ severity: 'error', code, rule: number, field, wrong, example }]
    const whole = `${quote(entry)} is not a rule`
    return [
      { severity: 'error', code, rule: number, field, wrong: whole, example: `{ ${examples.source}, ${example} }` },
    ]
  })
}

function unknownField(path: readonly PropertyKey[], key: string, number: number): Finding {
  const known = path.length === 0 ? fields : shortFormFields
  const meant = nearestName(key, known)
  const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${quote(meant)}?`
  return {
    severity: 'error',
    code: 'field-unknown',
    rule: number,
    field: [...path, key].join('.'),
    wrong: `there is no field ${quote(key)}, ${hint}`,
    example: examples[meant ?? String(path[0] ?? 'push')] ?? examples.push ?? '',
  }
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (Object(at) === at ? (at as Record<PropertyKey, unknown>)[key] : at), value)
}

function fullRule(settings: RuleSettings, number: number): TrustRule {
  return {
    number,
    source: settings.source,
    claims: Object.entries(settings.claims),
    push: settings.push ?? [],
    pull: settings.pull ?? [],
    delete: settings.delete ?? [],
    catalog: settings.catalog ?? false,
  }
}
