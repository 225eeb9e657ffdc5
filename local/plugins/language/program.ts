/** Runs a Pulumi program in a Node process of its own, through the runner that `@pulumi/pulumi` ships. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** How `cmd/run` of @pulumi/pulumi says that it has shown the error already (nodeJSProcessExitedAfterLogging...). */
const EXIT_ALREADY_REPORTED = 32

export interface Program {
  readonly rootDirectory: string
  readonly programDirectory: string
  readonly entryPoint: string
  /** `runtime.options` of Pulumi.yaml. */
  readonly options: { readonly nodeargs?: string; readonly typescript?: boolean }
  readonly args: readonly string[]
  readonly organization: string
  readonly project: string
  readonly stack: string
  readonly dryRun: boolean
  readonly parallel: number
  readonly monitorAddress: string
  readonly engineAddress: string | undefined
  readonly config: Record<string, string>
  readonly configSecretKeys: readonly string[]
}

/** Words of a command line; quotes keep spaces together. */
export function splitWords(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  )
}

/** The arguments for `node`. */
export function nodeArguments(program: Program, runner: string): string[] {
  const flags = {
    monitor: program.monitorAddress,
    engine: program.engineAddress,
    organization: program.organization,
    project: program.project,
    stack: program.stack,
    pwd: program.programDirectory,
    'root-directory': program.rootDirectory,
    parallel: String(program.parallel),
  }
  return [
    ...splitWords(program.options.nodeargs ?? ''),
    runner,
    ...Object.entries(flags).flatMap(([name, value]) => (value ? [`--${name}`, value] : [])),
    ...(program.dryRun ? ['--dry-run'] : []),
    join(program.programDirectory, program.entryPoint),
    ...program.args,
  ]
}

function findRunner(programDirectory: string, command: 'run' | 'run-policy-pack'): string {
  try {
    const manifest = createRequire(join(programDirectory, 'package.json')).resolve('@pulumi/pulumi/package.json')
    return join(dirname(manifest), 'cmd', command, 'index.js')
  } catch {
    throw new Error(`@pulumi/pulumi is not installed for the program in ${programDirectory}: run \`npm ci\` first`)
  }
}

/** Starts the program. Its output goes where this process's goes, which is where the engine listens. */
export function startProgram(program: Program): ChildProcess {
  return spawn(process.execPath, nodeArguments(program, findRunner(program.programDirectory, 'run')), {
    cwd: program.programDirectory,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(program.config),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(program.configSecretKeys),
      // The runner loads ts-node unless the program brings its own loader.
      PULUMI_NODEJS_TYPESCRIPT: String(program.options.typescript ?? true),
    },
  })
}

export interface PolicyPack {
  readonly directory: string
  /** What the engine gives it: its own address. */
  readonly args: readonly string[]
  /** Of the working directory of the engine. */
  readonly pwd: string
  /** `NAME=value` */
  readonly env: readonly string[]
}

/** Starts a pack of policies, through the runner of the same package. Whoever asked for it reads its output. */
export function startPolicyPack({ directory, args, pwd, env }: PolicyPack): ChildProcess {
  const runner = findRunner(directory, 'run-policy-pack')
  return spawn(process.execPath, [runner, ...args, directory], {
    cwd: pwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: Object.fromEntries(env.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])),
  })
}

export interface Outcome {
  readonly error: string
  /** The error is on the screen already. */
  readonly bail: boolean
}

/** What the end of the program's process means. */
export function outcomeOf(code: number | null, signal: NodeJS.Signals | null): Outcome {
  if (code === 0) return { error: '', bail: false }
  if (code === EXIT_ALREADY_REPORTED) return { error: '', bail: true }
  if (signal) return { error: `Program was ended by ${signal}`, bail: false }
  return { error: `Program exited with non-zero exit code: ${code}`, bail: false }
}
