/** Whether a preview after the adoption shows what was announced, and nothing else, of the adopted objects. */
import type { Step } from './preview.ts'
import { inWords } from './report.ts'
import type { Adoptable } from './search.ts'

/** Sentences about what was not announced; empty if there is nothing. */
export function surprises(adopted: readonly Adoptable[], before: readonly Step[], after: readonly Step[]): string[] {
  const announced = new Map(adopted.map(({ step, changes }) => [step.urn, changes.map(({ field }) => field)]))
  const known = new Set(before.map(({ op, urn }) => `${op} ${urn}`))
  return after.flatMap((step) => {
    const fields = announced.get(step.urn)
    if (fields === undefined) {
      return step.op === 'same' || known.has(`${step.op} ${step.urn}`) ? [] : [`${inWords(step)}: ${step.op}`]
    }
    if (step.op === 'same') return []
    if (step.op !== 'update') return [`${inWords(step)}: ${step.op}, and not an update`]
    const more = step.changes.filter((field) => !fields.includes(field))
    return more.length === 0 ? [] : [`${inWords(step)}: ${more.join(', ')}`]
  })
}
