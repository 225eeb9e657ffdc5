/** The settings `garbageCollection` and `retention`: whether and when the registry is cleaned up, and what is kept. */
import { z } from 'zod'
import { retention } from '../../clean-up/retention/rules.ts'
import { scheduleProblem } from './cron.ts'

/** Until every token service refuses pushes, and for the collection itself. */
const LEAST_WORK_MINUTES = 15
/** Pushes are refused for as long; the token service does not believe in more than a day. */
const MAX_MINUTES = 12 * 60

const expected = (what: string) => ({ error: what })

const schedule = z.string(expected('a schedule such as "30 3 * * 0"')).superRefine((text, context) => {
  const message = scheduleProblem(text)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

const timeZone = z
  .string(expected('the name of a time zone'))
  .refine(isTimeZone, expected('the name of a time zone, such as Europe/Berlin'))

const minutes = z
  .int(expected('a whole number of minutes'))
  .min(LEAST_WORK_MINUTES, expected(`at least ${LEAST_WORK_MINUTES} minutes`))
  .max(MAX_MINUTES, expected(`at most ${MAX_MINUTES} minutes`))

const collection = z.strictObject(
  { schedule, timeZone: timeZone.default('Etc/UTC'), minutes: minutes.default(60) },
  expected('{ schedule, timeZone, minutes }'),
)

/** An empty map switches it off. */
const orNothing = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (isEmpty(value) ? undefined : value), schema.optional())

export type GarbageCollection = z.output<typeof collection>

export const cleanUpSettings = {
  garbageCollection: {
    schema: orNothing(collection),
    path: 'garbageCollection.schedule',
    example: '30 3 * * 0',
  },
  retention: {
    schema: orNothing(retention),
    path: 'retention.rules[0].keep.newest',
    example: '20',
  },
} as const

type CleanUpSettings = { [Name in keyof typeof cleanUpSettings]: z.output<(typeof cleanUpSettings)[Name]['schema']> }

/** What does not go together, as sentences. */
export function cleanUpMistakes(settings: Partial<CleanUpSettings> & { tokenLifetimeMinutes?: number }): string[] {
  const { garbageCollection, retention, tokenLifetimeMinutes = 0 } = settings
  if (retention !== undefined && garbageCollection === undefined) {
    return [
      'retention: expected garbageCollection beside it, in which it runs and without which no space is freed.\n' +
        "  pulumi config set --path 'garbageCollection.schedule' '30 3 * * 0'",
    ]
  }
  const least = tokenLifetimeMinutes + LEAST_WORK_MINUTES
  if (garbageCollection !== undefined && garbageCollection.minutes < least) {
    return [
      `garbageCollection.minutes: expected at least ${least}: registry tokens live ${tokenLifetimeMinutes} minutes, and ` +
        `have to run out first; it is ${garbageCollection.minutes}.\n` +
        `  pulumi config set --path 'garbageCollection.minutes' ${Math.max(least, 60)}`,
    ]
  }
  return []
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return /^[A-Za-z]/.test(name)
  } catch {
    return false
  }
}

const isEmpty = (value: unknown) =>
  value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
