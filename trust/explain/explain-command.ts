/** `npm run explain`: arguments in, text and exit status out. Files, standard input and clock are arguments. */
import {
  type CommandResult,
  type Files,
  readOptions,
  readStackFiles,
  readText,
  WrongQuestion,
  wrongQuestion,
} from '../command.ts'
import type { Claims } from '../decision/claim-texts.ts'
import { decodeToken } from '../decision/decode-token.ts'
import type { Policy } from '../decision/policy.ts'
import { quote } from '../decision/quote.ts'
import { findingText } from '../language/findings.ts'
import { serviceAccountOf } from '../language/service-accounts.ts'
import { type AssumedIssuer, stackPolicy } from '../language/stack-policy.ts'
import { type Explanation, explainClaims, explainToken } from './explain.ts'
import { explanationText } from './explain-text.ts'

export const explainHelp = `Explains what a CI token gets from a stack's trust rules, and why. Offline: no signature is checked.

  npm run explain -- --token FILE --scope repository:acme/app:push
  npm run token -- github --repository acme/app | npm run -s explain -- --token - --scope repository:acme/app:push
  npm run explain -- --claims FILE --source github --scope repository:acme/app:pull --json

  --token FILE    a file that holds the token; - reads standard input
  --claims FILE   or the claims alone, as JSON; - reads standard input
  --source SLUG   with --claims: the source of these claims (default: by "iss"); of several clusters: which one
  --scope SCOPE   what is asked for; may be given several times
  --stack NAME    whose rules: stacks/Pulumi.NAME.yaml (default: local)
  --json          prints JSON
  --help          prints this

Exit status: 0 all of it is granted, 1 it is not, 2 the question was wrong.
`

/** What the command needs of the machine. */
export interface ExplainWorld extends Files {
  /** Seconds since 1970. */
  readonly now: () => number
}

const optionTypes = {
  token: { type: 'string' },
  claims: { type: 'string' },
  source: { type: 'string' },
  scope: { type: 'string', multiple: true, default: [] as string[] },
  stack: { type: 'string', default: 'local' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const
type Options = ReturnType<typeof readOptions<typeof optionTypes>>

/** Runs the command. The text never contains the token. */
export function runExplain(args: readonly string[], world: ExplainWorld): CommandResult {
  try {
    const options = readOptions(args, optionTypes, explainHelp)
    if (options.help) return { exitCode: 0, text: explainHelp }
    const explanation = answer(options, readPolicy(options, world), world)
    const text = options.json ? JSON.stringify(explanation, null, 2) : explanationText(explanation)
    return { exitCode: explanation.granted ? 0 : 1, text: `${text}\n` }
  } catch (error) {
    return wrongQuestion(error)
  }
}

/** A preview shows warnings about the rules; here they would precede each answer. */
function readPolicy({ stack }: Options, world: ExplainWorld, assumed?: AssumedIssuer): Known {
  const { policy, findings, clusters } = stackPolicy(...readStackFiles(stack, world), assumed)
  if (policy !== undefined) return { policy, clusters }
  const mistakes = findings.filter(({ severity }) => severity === 'error').map(findingText)
  throw new WrongQuestion(`the rules of stack ${stack} have mistakes:\n${mistakes.join('\n')}`)
}

interface Known {
  readonly policy: Policy
  /** Slugs of sources whose issuer only the cluster knows. */
  readonly clusters: readonly string[]
}

function answer(options: Options, stack: Known, world: ExplainWorld): Explanation {
  const { token, claims, scope } = options
  if (token !== undefined && claims === undefined) {
    const decoded = decodeToken(readText(token, world).trim())
    const known = assuming(options, stack, decoded?.claims ?? {}, world)
    return withAssumption(known, explainToken(known.policy, decoded, scope, world.now()))
  }
  if (claims !== undefined && token === undefined) {
    const given = readClaims(claims, world)
    const known = assuming(options, stack, given, world)
    const source = sourceOf(options, known.policy, given)
    return withAssumption(known, explainClaims(known.policy, { kind: 'claims', source, claims: given }, scope))
  }
  throw new WrongQuestion(`either --token or --claims is needed\n\n${explainHelp}`)
}

/** The policy once more, with the issuer of a service account's token for that of its cluster. */
function assuming(options: Options, stack: Known, { iss: issuer, sub }: Claims, world: ExplainWorld): Known {
  const isOfAccount = typeof sub === 'string' && serviceAccountOf(sub) !== undefined
  if (!isOfAccount || typeof issuer !== 'string') return stack
  return readPolicy(options, world, { issuer, ...(options.source && { slug: options.source }) })
}

/** Says that the issuer was not compared, where only the cluster knows it. */
function withAssumption({ policy, clusters }: Known, explanation: Explanation): Explanation {
  const { source } = explanation
  if (source === undefined || !clusters.includes(source)) return explanation
  const issuer = policy.sources.get(source)?.issuer
  return {
    ...explanation,
    assumed:
      `issuer ${quote(issuer)} is that of the cluster; \`pulumi preview\` asks the cluster. Account and pod still exist; the ` +
      'token service asks its own cluster',
  }
}

function readClaims(path: string, world: ExplainWorld): Claims {
  try {
    const value: unknown = JSON.parse(readText(path, world))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Claims
  } catch (error) {
    if (error instanceof WrongQuestion) throw error
  }
  throw new WrongQuestion(
    `${path} does not contain a JSON object; for example: {"repository": "acme/app", "ref": "refs/heads/main"}`,
  )
}

function sourceOf({ source: slug }: Options, policy: Policy, claims: Claims) {
  const sources = [...policy.sources.values()]
  const source = sources.find((candidate) =>
    slug === undefined ? candidate.issuer === claims.iss : candidate.slug === slug,
  )
  if (source !== undefined) return source
  const known = sources.map((candidate) => candidate.slug).join(', ')
  throw new WrongQuestion(`the source of these claims is not known; add --source with one of: ${known}`)
}
