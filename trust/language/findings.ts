/** What is wrong with trust settings, said so that it can be put right. */

export interface Finding {
  /** `error` stops the program; `warning` will bite; `advice` could be better. */
  readonly severity: 'error' | 'warning' | 'advice'
  /** Stable name of the kind of mistake. */
  readonly code: string
  /** Which rule, counted from 1 as written; undefined where it is about the whole list or about sources. */
  readonly rule?: number
  /** Where in it, such as `claims.ref`. */
  readonly field: string
  /** What is wrong, with what stands there. */
  readonly wrong: string
  /** A right example. */
  readonly example: string
}

/** One line for people. */
export function findingText(finding: Finding): string {
  return `${finding.severity}: ${findingSentence(finding)}`
}

/** {@link findingText} for a place where its severity is clear. */
export function findingSentence({ rule, field, wrong, example }: Finding): string {
  const where = [rule === undefined ? '' : `rule ${rule}`, field].filter(Boolean).join(', ')
  return `${where === '' ? '' : `${where}: `}${wrong}; right would be: ${example}`
}

/** Whether any finding stops the program. */
export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some((finding) => finding.severity === 'error')
}

/** The candidate that is nearest by edit distance, for "did you mean". */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
  const best = ranked.toSorted((a, b) => a.distance - b.distance)[0]
  return best !== undefined && best.distance <= Math.max(2, name.length / 3) ? best.candidate : undefined
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const [left, above, diagonal] = [next[j - 1] ?? 0, row[j] ?? 0, row[j - 1] ?? 0]
      next.push(Math.min(left + 1, above + 1, diagonal + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] ?? 0
}
