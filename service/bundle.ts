/** The token service as one file, small enough for a ConfigMap, so that no image has to be built to deploy it. */
import { resolve } from 'node:path'
import { build } from 'esbuild'

/** An ECMAScript module: Node must see the ending. */
export const bundleFileName = 'token-service.mjs'

/**
 * Bundles the service and its libraries.
 * @returns the text of the module; the same source gives the same text, on any machine
 */
export async function bundleService(): Promise<string> {
  const result = await build({
    absWorkingDir: resolve(import.meta.dirname, '..'),
    entryPoints: ['service/main.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    charset: 'utf8',
    // Names and lines stay, so that the stack in a log can be read; spaces and comments go.
    minifySyntax: true,
    legalComments: 'inline',
    // undici's own switch for being bundled: leaves out an experimental second parser, a fifth of the file.
    define: { esbuildDetection: '1' },
    // pino and undici are CommonJS and ask for Node's modules by `require`, which a module has to make itself.
    banner: { js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)" },
    logLevel: 'silent',
  })
  const [file] = result.outputFiles
  if (!file) throw new Error('esbuild gave no output for service/main.ts')
  return file.text
}
