/** Holds TypeScript and Python against each other, case by case. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { decide } from '../../trust/decision/decide.ts'
import { keysConflict, type PublicKey } from '../../trust/decision/key-material.ts'
import { loadPolicy, type TrustDocument } from '../../trust/decision/policy.ts'
import { anyCase, type Case } from './cases.ts'
import type { Answer, PythonMatcher } from './python-matcher.ts'

/** How many cases there were of each kind: a test in which nothing ever matches would prove nothing. */
export interface Tally {
  cases: number
  notUnderstood: number
  matched: number
  granted: number
  /** Tokens that came from a source, and those whose key several sources hold. */
  identified: number
  shared: number
}

export type Outcome =
  | { readonly agreed: true; readonly seed: number; readonly tally: Tally }
  | { readonly agreed: false; readonly seed: number; readonly tally: Tally; readonly report: string }

class Disagreement extends Error {}

/** The answer of the TypeScript side. */
export function decideHere({ document, slug, claims, scopes, token, keys }: Case): Answer {
  const policy = loadPolicy(document)
  if (policy === undefined) return { understood: false, rules: [], access: [], source: null }
  const { rules, access } = decide(policy, slug, claims, scopes)
  return {
    understood: true,
    rules: [...rules],
    access: access.map(({ type, name, actions }) => ({ type, name, actions: [...actions] })),
    source: sourceOf(policy.document, token, keys),
  }
}

/** The slug of the source that a token comes from, by its issuer and by the keys that the sources hold. */
function sourceOf({ sources }: TrustDocument, { kid, issuer }: Case['token'], keys: Case['keys']): string | null {
  const keysOf = (source: TrustDocument['sources'][number]) => keys[source.authentikSlug ?? source.slug] ?? []
  const source = sources.find((candidate) => candidate.issuer === issuer)
  if (source === undefined || typeof kid !== 'string' || kid === '') return null
  if (!holds(keysOf(source), kid) || keysConflict(kid, sources.map(keysOf))) return null
  return source.slug
}

const holds = (keys: readonly PublicKey[], keyId: unknown) => keys.some(({ kid }) => kid === keyId)

/** Runs some cases and stops at the first disagreement, made as small as it gets. */
export async function compare(python: PythonMatcher, cases: number, seed: number): Promise<Outcome> {
  const tally: Tally = { cases: 0, notUnderstood: 0, matched: 0, granted: 0, identified: 0, shared: 0 }
  const property = fc.asyncProperty(anyCase, async (input) => {
    const [here, there] = [decideHere(input), await python.decide(input)]
    tally.cases++
    if (!here.understood) tally.notUnderstood++
    if (here.rules.length > 0) tally.matched++
    if (here.access.length > 0) tally.granted++
    if (here.source !== null) {
      tally.identified++
      if (Object.values(input.keys).filter((keys) => holds(keys, input.token.kid)).length > 1) tally.shared++
    }
    if (!isDeepStrictEqual(here, there)) throw new Disagreement()
  })
  const details = await fc.check(property, { numRuns: cases, seed })
  if (!details.failed) return { agreed: true, seed, tally }
  if (!(details.errorInstance instanceof Disagreement)) throw details.errorInstance
  const smallest = details.counterexample?.[0]
  const report = [
    `disagreement with --seed ${seed} at case ${details.numRuns}; the smallest case that shows it:`,
    JSON.stringify(smallest),
    ...(smallest === undefined
      ? []
      : [
          `TypeScript: ${JSON.stringify(decideHere(smallest))}`,
          `Python: ${JSON.stringify(await python.decide(smallest))}`,
        ]),
  ].join('\n')
  return { agreed: false, seed, tally, report }
}
