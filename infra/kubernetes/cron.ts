/** Schedules as Kubernetes reads them (kubernetes.io, "CronJob", Schedule syntax). */

const MACROS = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

interface Field {
  what: string
  least: number
  most: number
  /** Words for the numbers from `least` on. */
  names?: readonly string[]
}

const FIELDS: readonly Field[] = [
  { what: 'minute', least: 0, most: 59 },
  { what: 'hour', least: 0, most: 23 },
  { what: 'day of the month', least: 1, most: 31 },
  { what: 'month', least: 1, most: 12, names: MONTHS },
  { what: 'day of the week', least: 0, most: 6, names: DAYS },
]

/** What is wrong with a schedule, to follow "expected"; undefined if nothing is. */
export function scheduleProblem(text: string): string | undefined {
  if (MACROS.includes(text)) return undefined
  const parts = text.split(' ')
  if (parts.length !== FIELDS.length) {
    return 'five fields with one space between them: minute, hour, day of the month, month, day of the week'
  }
  const wrong = FIELDS.find((field, number) => !(parts[number] ?? '').split(',').every((part) => fits(part, field)))
  return (
    wrong &&
    `${wrong.what === 'hour' ? 'an' : 'a'} ${wrong.what} from ${wrong.least} to ${wrong.most}, *, a range, or a step such as */2`
  )
}

/** One entry of a list: `*`, a number or a range, with or without a step. */
function fits(part: string, field: Field): boolean {
  const { range, step } = /^(?<range>[^/]+)(?:\/(?<step>[1-9]\d?))?$/.exec(part)?.groups ?? {}
  if (range === undefined) return false
  if (step !== undefined && Number(step) > field.most) return false
  if (range === '*') return true
  const [from, to, ...more] = range.split('-').map((text) => numberOf(text, field))
  if (from === undefined || more.length > 0) return false
  return !range.includes('-') || (to !== undefined && from <= to)
}

function numberOf(text: string, { least, most, names = [] }: Field): number | undefined {
  const named = names.indexOf(text.toLowerCase())
  const number = named >= 0 ? named + least : /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN
  return number >= least && number <= most ? number : undefined
}
