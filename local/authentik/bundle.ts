/** The stand-in as files that any image with Node 24 and a Python 3 with PyJWT can run. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { PYTHON_FILES } from './expressions/worker.ts'

/**
 * @returns file name to text. The files belong into one directory, which may be read-only; `main.mjs` is the one to run
 */
export async function bundleAuthentik(): Promise<Record<string, string>> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'main.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // pino is CommonJS and asks for Node's own modules by require.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
  const python = PYTHON_FILES.map(async (name) => [
    name,
    await readFile(join(import.meta.dirname, 'expressions', name), 'utf8'),
  ])
  return { 'main.mjs': outputFiles[0]?.text ?? '', ...Object.fromEntries(await Promise.all(python)) }
}
