/** `npm run doctor`: arguments in, a report and an exit status out. */
import { registryHost } from '../infra/setting-schemas.ts'
import {
  type CommandResult,
  type Files,
  readOptions,
  readStackFiles,
  readText,
  WrongQuestion,
  wrongQuestion,
} from '../trust/command.ts'
import { quote } from '../trust/decision/quote.ts'
import { parseClusterPulls } from '../trust/language/cluster-pulls.ts'
import { findingText } from '../trust/language/findings.ts'
import { readStackState } from '../trust/review/stack-state.ts'
import { checkAuthentik } from './authentik.ts'
import { checkCluster, inContext, type Kubectl } from './cluster.ts'
import { type Finding, skipped } from './finding.ts'
import { checkProbe, UPLOAD_SECONDS } from './probe.ts'
import { checkSources } from './sources.ts'
import { checkStrangers } from './strangers.ts'
import { checkWayIn } from './way-in.ts'

export const doctorHelp = `Looks at a deployed registry from outside and says what is wrong, why it matters, and what to do.

  npm run doctor -- --stack prod
  npm run doctor -- --host registry.example.com --json
  npm run -s token -- github --repository acme/app | npm run doctor -- --stack local --token -

  --stack NAME           what stacks/Pulumi.NAME.yaml describes: the host, authentik, sources and rules
  --host HOST            or a registry's public name alone
  --token FILE           pushes and pulls a small image with this CI token; - reads standard input
  --repository NAME      where to push it to, as acme/app:doctor (default: the token's own repository)
  --upload-seconds N     how long the upload takes (default: ${UPLOAD_SECONDS}, longer than many proxies allow)
  --cluster              looks into the pods of the token service by kubectl: version, rules and keys, and asks clusters
                         whose pods pull for their keys; with --stack
  --json                 prints JSON
  --help                 prints this

AUTHENTIK_TOKEN, an API token of an administrator, lets it look at authentik's version, rules, policy and keys.
Exit status: 0 nothing is wrong, 1 something is, 2 the question was wrong.
`

export interface DoctorWorld extends Files {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly kubectl: Kubectl
}

const MAX_UPLOAD_SECONDS = 3600
/** As Pulumi.yaml has it. */
const DEFAULT_NAMESPACE = 'passwordless-registry'

const optionTypes = {
  stack: { type: 'string' },
  host: { type: 'string' },
  token: { type: 'string' },
  repository: { type: 'string' },
  'upload-seconds': { type: 'string', default: String(UPLOAD_SECONDS) },
  cluster: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const
type Options = ReturnType<typeof readOptions<typeof optionTypes>>

/** Runs the command. The text never contains a token. */
export async function runDoctor(args: readonly string[], world: DoctorWorld): Promise<CommandResult> {
  try {
    const options = readOptions(args, optionTypes, doctorHelp)
    if (options.help) return { exitCode: 0, text: doctorHelp }
    const findings = await examine(options, world)
    const isWell = findings.every(({ state }) => state !== 'wrong')
    const text = options.json ? JSON.stringify({ ok: isWell, findings }, null, 2) : findings.map(line).join('\n')
    return { exitCode: isWell ? 0 : 1, text: `${text}\n` }
  } catch (error) {
    return wrongQuestion(error)
  }
}

async function examine(options: Options, world: DoctorWorld): Promise<Finding[]> {
  const uploadSeconds = Number(options['upload-seconds'])
  if (!(uploadSeconds >= 0 && uploadSeconds <= MAX_UPLOAD_SECONDS))
    throw new WrongQuestion(`--upload-seconds takes a number from 0 to ${MAX_UPLOAD_SECONDS}`)
  const token = options.token === undefined ? undefined : readText(options.token, world).trim()
  const stack = options.stack === undefined ? undefined : readStack(options.stack, world)
  const host = options.host ?? stack?.host
  if (host === undefined) throw new WrongQuestion(`--stack or --host is needed\n\n${doctorHelp}`)
  if (!registryHost.safeParse(host).success)
    throw new WrongQuestion(`${quote(host)} is not a registry's public name; for example: --host registry.example.com`)

  if (options.cluster && stack === undefined) throw new WrongQuestion('--cluster needs --stack')

  const { findings, challenge } = await checkWayIn(host)
  if (challenge !== undefined) findings.push(...(await checkStrangers(challenge)))
  if (stack !== undefined) {
    const { clusters, policy, cluster, hasSessions } = stack
    const apiToken = world.env.AUTHENTIK_TOKEN || undefined
    const { findings: ofAuthentik, api } = await checkAuthentik(
      stack.authentik,
      apiToken,
      policy.document,
      clusters,
      hasSessions,
    )
    const clusterKeys = (slug: string) =>
      world.kubectl([...inContext(stack.contexts.get(slug) ?? cluster.context), 'get', '--raw', '/openid/v1/jwks'])
    const asked = { api, clusters, clusterKeys: options.cluster ? clusterKeys : undefined }
    findings.push(...ofAuthentik, ...(await checkSources(stack.sources, asked)))
    const pods = { ...cluster, kubectl: world.kubectl }
    findings.push(...(options.cluster ? await checkCluster(pods, policy.document, clusters) : [PODS_SKIPPED]))
  }
  if (token === undefined) findings.push(PROBE_SKIPPED)
  else if (challenge !== undefined)
    findings.push(...(await checkProbe({ host, challenge, token, repository: options.repository, uploadSeconds })))
  return findings
}

const PODS_SKIPPED = skipped('pods', "each pod's version, rules and keys were not asked for", '--cluster does')
const PROBE_SKIPPED = skipped(
  'push',
  'the storage, and what size and time the way in allows, were not tried',
  '--token FILE does, with the token of a job',
)

function readStack(name: string, world: DoctorWorld) {
  const { policy, sources, clusters, findings, settings } = readStackState(...readStackFiles(name, world))
  if (policy === undefined) {
    const mistakes = findings.filter(({ severity }) => severity === 'error').map(findingText)
    throw new WrongQuestion(`stack ${name} has mistakes:\n${mistakes.join('\n')}`)
  }
  const authentik = settings.get('authentik:url') ?? world.env.AUTHENTIK_URL
  if (typeof authentik !== 'string' || !URL.canParse(authentik))
    throw new WrongQuestion(`stack ${name} does not say where authentik is; set authentik:url, or AUTHENTIK_URL`)
  return {
    policy,
    sources,
    clusters,
    host: String(settings.get('host') ?? ''),
    cluster: {
      context: textOf(settings.get('kubernetes:context')),
      namespace: textOf(settings.get('namespace')) ?? DEFAULT_NAMESPACE,
    },
    hasSessions: Number(settings.get('sessionHours')) !== 0,
    /** By the slug of a source: the context of its cluster, where it is not that of the registry. */
    contexts: new Map(
      parseClusterPulls(settings.get('clusterPulls')).clusters.map(({ slug, context }) => [slug, context]),
    ),
    authentik: authentik.replace(/\/+$/, ''),
  }
}

const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

const marks = { ok: 'ok      ', wrong: 'WRONG   ', skipped: 'skipped ' }

function line({ check, state, found, why, fix }: Finding): string {
  const first = `${marks[state]} ${check}: ${found}`
  if (state === 'wrong') return `${first}\n          why it matters: ${why}\n          what to do: ${fix}`
  return state === 'skipped' && fix !== 'nothing' ? `${first} (${fix})` : first
}
