/** What is wrong with trust settings, and how to fix it. */

export interface Finding {
  /** `error` stops the program; `warning` will cause trouble; `advice` is an improvement. */
  readonly severity: 'error' | 'warning' | 'advice'
  /** Stable name of the kind of mistake. */
  readonly code: string
  /** Number of the rule, counted from 1; undefined for the whole list or for sources. */
  readonly rule?: number
  /** The field, such as `claims.ref`. */
  readonly field: string
  /** What is wrong, with the value. */
  readonly wrong: string
  /** A correct example. */
  readonly example: string
}

/** One line for people. */
export function findingText(finding: Finding): string {
  return `${finding.severity}: ${findingSentence(finding)}`
}

/** {@link findingText} without the severity. */
export function findingSentence({ rule, field, wrong, example }: Finding): string {
  const where = [rule === undefined ? '' : `rule ${rule}`, field].filter(Boolean).join(', ')
  return `${where === '' ? '' : `${where}: `}${wrong}; use instead: ${example}`
}

/** Whether any finding stops the program. */
export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some((finding) => finding.severity === 'error')
}

/** The candidate with the smallest edit distance, for "did you mean". */
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
