/**
 * Builds tools from Go modules whose versions and contents are pinned in go/<module>/go.mod and go.sum.
 *
 * All tools of one module are built by one `go build`, so that what they share is compiled once and one program is
 * linked while another is compiled. Go's own build cache keeps each compiled package: a build that was cut off goes on
 * where it was.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Stop } from '../steps.ts'
import { CommandError, run } from './command.ts'
import type { Tool } from './tools.ts'

const goDirectory = join(import.meta.dirname, 'go')

const ASK_LIMIT_SECONDS = 30
/** The largest module takes about 20 minutes of one core. */
const BUILD_LIMIT_SECONDS = 3600

/** No C compiler is needed, no path of this machine gets into the binary, and no workspace or flag from outside. */
const environment = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' }
const flags = ['-trimpath', '-buildvcs=false']
/** No symbol table, no debug information: a third of the size. */
const linkerFlags = '-s -w'

type Build = Tool['build']

/** The version of Go that builds a module, such as "go1.26.5"; undefined when there is none, or none new enough. */
export async function goVersion(module: Build['module']): Promise<string | undefined> {
  try {
    return await run(['go', 'env', 'GOVERSION'], {
      cwd: join(goDirectory, module),
      environment,
      timeoutSeconds: ASK_LIMIT_SECONDS,
    })
  } catch (error) {
    if (error instanceof CommandError) return undefined
    throw error
  }
}

/** Everything that decides what comes out of the build, in 16 hexadecimal digits. */
export async function buildKey(build: Build, go: string): Promise<string> {
  const directory = join(goDirectory, build.module)
  const sources = build.package.startsWith('./')
    ? (await readdir(join(directory, build.package)))
        .filter((file) => file.endsWith('.go'))
        .sort()
        .map((file) => join(build.package, file))
    : []
  const files = await Promise.all(
    ['go.mod', 'go.sum', ...sources].map(async (file) => [file, await readFile(join(directory, file), 'utf8')]),
  )
  return createHash('sha256')
    .update(JSON.stringify([build, flags, linkerFlags, environment, go, process.platform, process.arch, files]))
    .digest('hex')
    .slice(0, 16)
}

/** Every package that a build compiles into a program. */
export const packagesOf = (build: Build): string[] => [build.package, ...(build.besides ?? [])]

/** Fetches what the packages need, so that another module can be compiled meanwhile. */
export async function fetchSources(module: Build['module'], packages: readonly string[]): Promise<void> {
  // Not `go mod download`: that fetches every module of the graph, and most of them hold nothing that is compiled.
  await go(module, ['list', '-deps', '-f', '{{if .Error}}{{.Error}}{{end}}', ...packages])
}

/** Compiles and links the programs into `directory`, each named after the last part of its package. */
export async function buildAll(module: Build['module'], builds: readonly Build[], directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  const linking = builds.flatMap((build) => {
    const variables = Object.entries(build.variables ?? {}).map(([name, value]) => ` -X ${name}=${value}`)
    return packagesOf(build).map((path) => `-ldflags=${path}=${linkerFlags}${variables.join('')}`)
  })
  const packages = builds.flatMap(packagesOf)
  await go(module, ['build', ...flags, ...linking, '-o', `${directory}/`, ...packages])
}

async function go(module: Build['module'], args: string[]): Promise<void> {
  try {
    await run(['go', ...args], { cwd: join(goDirectory, module), environment, timeoutSeconds: BUILD_LIMIT_SECONDS })
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause
    const advice = 'What was compiled so far is kept; once the cause is gone, the same command goes on from there.'
    throw new Stop(`${cause.message}\n\n${advice}`, { cause })
  }
}

/** What a person without (a sufficiently new) Go has to do. */
export async function missingGo(module: Build['module'], names: readonly string[]): Promise<Stop> {
  const goMod = await readFile(join(goDirectory, module, 'go.mod'), 'utf8')
  const least = /^go (\S+)$/m.exec(goMod)?.[1]
  return new Stop(
    [
      `${names.join(', ')}: not on PATH, not to be downloaded from here, and to build it Go ${least} or newer is needed.`,
      'Install Go (https://go.dev/doc/install, or your distribution if it has that version), or put the tool on PATH.',
    ].join('\n'),
  )
}
