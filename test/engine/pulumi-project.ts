/** A small Pulumi project in a temporary folder: the real CLI, a file backend, the plugins of local/plugins. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { compileCacheDir, projectDir } from '../../local/paths.ts'
import { linkPlugins } from '../../local/plugins/install.ts'
import { ensureTool } from '../../local/toolchain/index.ts'

/** No command of these small projects takes this long; a hanging plugin must not hang the tests. */
const COMMAND_LIMIT_MS = 150_000

export interface Outcome {
  readonly exitCode: number
  /** stdout and stderr, in the order of their coming. */
  readonly output: string
}

export interface PulumiProject {
  /** Its folder, with Pulumi.yaml and Pulumi.test.yaml. */
  readonly directory: string
  /** The file in which the engine keeps the state. */
  readonly stateFile: string
  /** That of its commands. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Replaces the program (TypeScript). */
  write(program: string): Promise<void>
  /** Runs `pulumi <args>` and answers how it ended. */
  run(...args: string[]): Promise<Outcome>
  /** Runs `pulumi <args>` and fails the test, with all output, unless it succeeds. */
  expect(...args: string[]): Promise<string>
  /** The state as it lies on disk, secrets encrypted. */
  state(): Promise<string>
  outputs(): Promise<Record<string, unknown>>
  close(): Promise<void>
}

const SMALL = {
  name: 'small',
  file: 'name: small\nmain: index.ts\nruntime: { name: nodejs, options: { typescript: false } }\n',
}

/**
 * Makes the project with stack `test`; `environment` goes to every command, as it is then.
 * @param project its name and the text of its Pulumi.yaml
 */
export async function openProject(
  environment: Record<string, string> = {},
  project: { name: string; file: string } = SMALL,
): Promise<PulumiProject> {
  const pulumi = await ensureTool('pulumi')
  const directory = await mkdtemp(join(tmpdir(), 'pulumi-project-'))
  const pulumiHome = join(directory, 'home')
  const backend = join(directory, 'backend')
  await mkdir(backend)
  await linkPlugins(pulumiHome)
  await symlink(join(projectDir, 'node_modules'), join(directory, 'node_modules'))
  await writeFile(
    join(directory, 'package.json'),
    JSON.stringify({ name: project.name, type: 'module', private: true }),
  )
  await writeFile(join(directory, 'Pulumi.yaml'), project.file)
  const env = {
    ...process.env,
    PATH: [join(projectDir, 'node_modules', '.bin'), dirname(pulumi), process.env.PATH].join(delimiter),
    PULUMI_HOME: pulumiHome,
    NODE_COMPILE_CACHE: compileCacheDir,
    PULUMI_BACKEND_URL: `file://${backend}`,
    PULUMI_CONFIG_PASSPHRASE: 'test',
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
  }

  // As `environment` is then.
  const ownEnvironment = () => ({ ...env, ...environment })
  const run = (...args: string[]): Promise<Outcome> =>
    new Promise((resolve) => {
      const options = {
        cwd: directory,
        env: ownEnvironment(),
        timeout: COMMAND_LIMIT_MS,
        maxBuffer: 64 * 1024 * 1024,
      }
      let output = ''
      const child = execFile(pulumi, [...args, '--non-interactive', '--color', 'never'], options)
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (chunk: string) => {
          output += chunk
        })
      }
      child.on('close', (code) => resolve({ exitCode: code ?? 1, output: stripVTControlCharacters(output) }))
    })

  const succeed = async (...args: string[]): Promise<string> => {
    const { exitCode, output } = await run(...args)
    if (exitCode !== 0) throw new Error(`pulumi ${args.join(' ')} ended with ${exitCode}:\n${output}`)
    return output
  }

  await succeed('stack', 'init', 'test')
  const stateFile = join(backend, '.pulumi', 'stacks', project.name, 'test.json')
  return {
    directory,
    stateFile,
    get environment() {
      return ownEnvironment()
    },
    write: (program) => writeFile(join(directory, 'index.ts'), program),
    run,
    expect: succeed,
    state: () => readFile(stateFile, 'utf8'),
    outputs: async () => JSON.parse(await succeed('stack', 'output', '--json')) as Record<string, unknown>,
    close: () => rm(directory, { recursive: true, force: true }),
  }
}
