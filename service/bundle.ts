/**
 * The token service bundled into one file, small enough for a ConfigMap, so that nobody has to build an image to deploy
 * it; beside it what an operator needs to read a stack trace in the log, and what other people's licences require.
 */
import { resolve } from 'node:path'
import { type BuildOptions, build } from 'esbuild'
import { licenceText, packagesOf } from './bundle-licences.ts'
import { withoutLibraries } from './bundle-source-map.ts'

/** An ECMAScript module: Node must see the ending. */
export const bundleFileName = 'token-service.mjs'
/** Node finds it by the last line of the module. */
export const sourceMapFileName = `${bundleFileName}.map`
export const licencesFileName = 'THIRD-PARTY-LICENSES.txt'

/**
 * How Node runs the module, before its path. Stacks name our files and lines, not the bundle's. And memory stays small:
 * by default, V8 lets garbage pile up to four times what is in use, on a machine with memory to spare; and its
 * middle compiler takes a tenth of the process's memory for code that the last one replaces. With a young generation of
 * 16 MiB what a request needs is mostly gone before it is collected: against 4 MiB that saves 12 to 24 % of the
 * processor time of a login and 44 % of that of a repeated request, for 20 MB (all of it measured under load).
 */
export const nodeOptions = [
  '--enable-source-maps',
  '--max-semi-space-size=16',
  '--heap-growing-percent=10',
  '--no-maglev',
]

/** Characters of a line: Node prints the whole line in which an error was thrown, and libraries have no map. */
const LINE_LIMIT = 160

const projectDir = resolve(import.meta.dirname, '..')

/** Names and texts of files that belong in one folder. */
export type BundleFiles = Readonly<Record<string, string>>

/**
 * Bundles the service and its libraries.
 * @param entry the module that is run, from the folder of the project; tests have one of their own
 * @returns module, source map and licences; the same source gives the same texts, on any machine
 */
export async function bundleService(entry = 'service/main.ts'): Promise<BundleFiles> {
  const { [licencesFileName]: licences = '', ...files } = await bundleModule(entry, bundleFileName)
  checkRoom(files)
  return { ...files, [licencesFileName]: licences }
}

/** What esbuild itself gives for the service, with its list of what went in. */
export const buildService = (entry = 'service/main.ts') => build(moduleOptions(entry, bundleFileName))

/**
 * Bundles a program that runs in the cluster, with its libraries.
 * @param entryPoint its file, from the folder of the project
 * @param file the name of the module
 */
export async function bundleModule(entryPoint: string, file: string): Promise<BundleFiles> {
  const { outputFiles, metafile } = await build(moduleOptions(entryPoint, file))
  const textOf = (ending: string) => {
    const found = outputFiles.find(({ path }) => path.endsWith(ending))
    if (!found) throw new Error(`esbuild gave no *${ending} for ${entryPoint}`)
    return found.text
  }
  return {
    [file]: textOf(file),
    [`${file}.map`]: withoutLibraries(textOf(`${file}.map`)),
    [licencesFileName]: licenceText(await packagesOf(metafile, projectDir)),
  }
}

/** Half of what a ConfigMap holds, names and licences included: so there is room when a library grows. */
const ROOM_BYTES = 1024 * 1024 * 0.5

/** @throws Error where code and source map have outgrown their room, long before Kubernetes would refuse them */
export function checkRoom(files: BundleFiles): void {
  const bytes = Object.values(files).reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  if (bytes <= ROOM_BYTES) return
  throw new Error(
    `The token service's code and source map have ${bytes} bytes; at most ${ROOM_BYTES} are wanted, half of what a ` +
      'ConfigMap holds. Leave out the library that has grown, or deploy the image (service/Dockerfile)',
  )
}

/**
 * How esbuild makes a module of a program and its libraries.
 * @param entryPoint its file, from the folder of the project
 */
export const moduleOptions = (entryPoint: string, outfile: string) =>
  ({
    absWorkingDir: projectDir,
    entryPoints: [entryPoint],
    outfile,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    charset: 'utf8',
    // OpenTelemetry offers the same code as CommonJS, which cannot be shaken: that would be four times as much.
    mainFields: ['module', 'main'],
    // Spaces, comments and long names go; the map has our names.
    minify: true,
    lineLimit: LINE_LIMIT,
    legalComments: 'inline',
    sourcemap: 'linked',
    sourcesContent: false,
    // pino is CommonJS and asks for Node's modules by `require`, which a module has to make itself.
    banner: { js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)" },
    logLevel: 'silent',
  }) satisfies BuildOptions
