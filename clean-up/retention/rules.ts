/** The rules of retention, as a stack writes them: which tags of which repositories are kept. */
import * as z from 'zod'
import { Glob } from '../../trust/decision/glob.ts'

/** A stack has a handful; a hundred patterns for each of a thousand tags are still matched within a second. */
const MAX_RULES = 100
const MAX_PATTERNS = 100
/** Numbers above these are slips of the finger: "keep all" is said by no rule at all. */
const MAX_NEWEST = 100_000
const MAX_DAYS = 36_500

const expected = (what: string) => ({ error: what })
const patterns = (character: RegExp, what: string) =>
  z
    .array(z.string(expected(what)).regex(character, expected(what)), expected(`a list: ${what}`))
    .min(1, expected(`at least one: ${what}`))
    .max(MAX_PATTERNS, expected(`at most ${MAX_PATTERNS} patterns`))
const whole = (what: string, most: number) =>
  z
    .int(expected(what))
    .min(1, expected(what))
    .max(most, expected(`at most ${most}: ${what}`))

const keep = z
  .strictObject(
    {
      /** Tags of these patterns stay for good. */
      tags: patterns(/^[\w.*-]{1,128}$/, 'a pattern of tags, such as v*').optional(),
      /** So many images of a repository stay, the newest first. */
      newest: whole('a whole number of images', MAX_NEWEST).optional(),
      youngerThanDays: whole('a whole number of days', MAX_DAYS).optional(),
    },
    expected('{ tags, newest, youngerThanDays }'),
  )
  .refine(
    ({ tags, newest, youngerThanDays }) => (tags ?? newest ?? youngerThanDays) !== undefined,
    expected('at least one of tags, newest and youngerThanDays; a rule without any would delete everything'),
  )

const rule = z.strictObject(
  { repositories: patterns(/^[a-z0-9._/*-]{1,255}$/, 'a pattern of repositories, such as acme/**'), keep },
  expected('{ repositories, keep }'),
)

/** The setting `retention`. */
export const retention = z.strictObject(
  {
    /** Whether anything is deleted; without it a run only prints what it would delete. */
    apply: z.boolean(expected('true or false')).default(false),
    rules: z
      .array(rule, expected('a list of { repositories, keep }'))
      .min(1, expected('at least one rule'))
      .max(MAX_RULES, expected(`at most ${MAX_RULES} rules`)),
  },
  expected('{ apply, rules }'),
)

export type Retention = z.output<typeof retention>
export type Keep = z.output<typeof keep>

/** What a rule says, ready to be asked. */
export interface KeepRule {
  readonly tags: readonly Glob[]
  readonly newest: number
  readonly youngerThanDays: number
}

/** @returns what finds the rule of a repository: the first one that names it; undefined: all of it stays */
export function ruleFinder(rules: Retention['rules']): (repository: string) => KeepRule | undefined {
  const read = rules.map(({ repositories, keep: { tags = [], newest = 0, youngerThanDays = 0 } }) => ({
    repositories: repositories.map((pattern) => new Glob(pattern)),
    keep: { tags: tags.map((pattern) => new Glob(pattern)), newest, youngerThanDays },
  }))
  return (repository) =>
    read.find(({ repositories }) => repositories.some((pattern) => pattern.matches(repository)))?.keep
}
