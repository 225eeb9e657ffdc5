/** The stack's sources and trust rules: checked, compiled to what authentik and the token service read, and in words. */

import { describeRules } from '../trust/language/describe.ts'
import { compileDocument, REGISTRY_APPLICATION, sessionNames } from '../trust/language/document.ts'
import { type Finding, findingSentence, hasErrors } from '../trust/language/findings.ts'
import { parseRules } from '../trust/language/rules.ts'
import type { TrustSource } from '../trust/language/source-schema.ts'
import { parseSources } from '../trust/language/sources.ts'
import { MAX_DOCUMENT_BYTES } from '../trust/limits.ts'

export interface Trust {
  /** The compiled rules, JSON. */
  readonly document: string
  /** One line for each rule. */
  readonly inWords: readonly string[]
}

/** What a stack says about trust, as its configuration holds it. */
export interface TrustSettings {
  sources: unknown
  rules: unknown
  audience: string
  groups: { push: string; pull: string }
}

export interface CheckedTrust {
  sources: readonly TrustSource[]
  trust: Trust
  /** What stops the program; then the rest is not to be used. One line each, without the project's name. */
  mistakes: readonly string[]
  /** What works, and will bite or could be better. */
  warnings: readonly string[]
}

const NO_RULES =
  'trust: there is no rule, so no CI job can push or pull, only members of the groups; ' +
  'use instead: [{ github: { owners: [{ name: acme, id: "501" }] } }]'

/** Reads sources and rules; every mistake in them is told. */
export function checkTrust({ sources: given, rules: written, audience, groups }: TrustSettings): CheckedTrust {
  const { sources, findings: ofSources } = parseSources(given, audience)
  const { rules, findings: ofRules } = parseRules(written, sources)
  const names = { application: REGISTRY_APPLICATION, groups, session: sessionNames }
  const document = JSON.stringify(compileDocument(sources, rules, names))
  const size = Buffer.byteLength(document)

  // A field of the sources begins with the name of the setting; one of a rule stands below its number.
  const told = [
    ...ofSources.map((finding) => ({ finding, text: findingSentence(finding) })),
    ...ofRules.map((finding) => ({ finding, text: `trust: ${findingSentence(finding)}` })),
  ]
  const texts = (stops: boolean) => told.filter(({ finding }) => isError(finding) === stops).map(({ text }) => text)
  const mistakes = texts(true)
  if (size > MAX_DOCUMENT_BYTES) {
    mistakes.push(`trust: the compiled rules have ${size} bytes; the token service can be given ${MAX_DOCUMENT_BYTES}`)
  }
  const isEmpty = rules.length === 0 && mistakes.length === 0
  return {
    sources,
    trust: { document, inWords: describeRules(rules, sources) },
    mistakes,
    warnings: isEmpty ? [...texts(false), NO_RULES] : texts(false),
  }
}

const isError = (finding: Finding) => hasErrors([finding])
