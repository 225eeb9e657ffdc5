/** `npm run review`: arguments in, Markdown and exit status out. Git and files are arguments. */
import { type CommandResult, readOptions, WrongQuestion, wrongQuestion } from '../command.ts'
import { quote } from '../decision/quote.ts'
import { code } from './markdown.ts'
import { reviewStack } from './review.ts'
import { noStack, readStackState, type StackState } from './stack-state.ts'

export const reviewHelp = `Says what a change of the stacks' files means for trust: who gains, who loses, what becomes reachable.

  npm run -s review -- --base origin/main
  npm run -s review -- --base v1.2.0 --head HEAD --audit audit.log

  --base REV     the revision before the change
  --head REV     the revision with the change (default: HEAD)
  --audit FILE   an audit log of the token service, or claims of jobs, one JSON object a line: what changes for them;
                 - reads standard input
  --help         prints this

Prints Markdown, the dangerous first. Exit status: 0 there is a review, 2 there is none.
`

/** What the command needs of the machine. */
export interface ReviewWorld {
  /** The commit that a revision names; undefined if there is none. */
  readonly commit: (revision: string) => string | undefined
  /** The names of the files right in a folder at a commit. */
  readonly list: (commit: string, folder: string) => readonly string[]
  /** The text of a file at a commit. */
  readonly show: (commit: string, path: string) => string
  /** An audit log; the error's message says what is wrong with it. */
  readonly readAudit: (path: string) => string
}

const STACKS = 'stacks'
const MAX_REVISION_CHARACTERS = 200

const optionTypes = {
  base: { type: 'string' },
  head: { type: 'string', default: 'HEAD' },
  audit: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

export function runReview(args: readonly string[], world: ReviewWorld): CommandResult {
  try {
    const { base, head, audit, help } = readOptions(args, optionTypes, reviewHelp, true)
    if (help) return { exitCode: 0, text: reviewHelp }
    if (base === undefined) throw new WrongQuestion(`--base is needed\n\n${reviewHelp}`)
    const [from, to] = [commitOf(base, world), commitOf(head, world)]
    const log = audit === undefined ? undefined : readAudit(audit, world)
    return { exitCode: 0, text: report(states(from, world), states(to, world), log) }
  } catch (error) {
    return wrongQuestion(error)
  }
}

/** A revision must not be read as an option by git. */
function commitOf(revision: string, world: ReviewWorld): string {
  const isName = revision.length <= MAX_REVISION_CHARACTERS && /^[^-\s][^\s]*$/.test(revision)
  const commit = isName ? world.commit(revision) : undefined
  if (commit !== undefined) return commit
  throw new WrongQuestion(
    `${quote(revision)} is not a revision of this repository; fetch it first (git fetch origin), then for example: --base origin/main`,
  )
}

function readAudit(path: string, world: ReviewWorld): string {
  try {
    return world.readAudit(path)
  } catch (error) {
    throw new WrongQuestion(`cannot read the audit log: ${error instanceof Error ? error.message : error}`)
  }
}

/** Every stack of a revision by its name. */
function states(commit: string, world: ReviewWorld): ReadonlyMap<string, StackState> {
  const stacks = world.list(commit, STACKS).flatMap((file) => {
    const [, name] = /^Pulumi\.(.+)\.yaml$/.exec(file) ?? []
    return name === undefined ? [] : [{ name, path: `${STACKS}/${file}` }]
  })
  if (stacks.length === 0) return new Map()
  const project = world.show(commit, 'Pulumi.yaml')
  return new Map(stacks.map(({ name, path }) => [name, readStackState(project, world.show(commit, path))]))
}

function report(
  before: ReadonlyMap<string, StackState>,
  after: ReadonlyMap<string, StackState>,
  audit: string | undefined,
): string {
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted()
  const reviews = names.flatMap((name) => {
    const [was, is] = [before.get(name), after.get(name)]
    if (is === undefined)
      return [`## Stack ${code(name)}\n\nIts file is gone; what is deployed stays until \`pulumi destroy\`.\n`]
    return reviewStack(name, was ?? noStack, is, audit) ?? []
  })
  const body = reviews.length === 0 ? ['No stack changes whom it trusts.\n'] : reviews
  return ['# What this change means for trust\n', ...body].join('\n')
}
