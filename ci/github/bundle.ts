/** The action as one file. GitHub runs an action as it lies in the repository, so the file is committed. */
import { resolve } from 'node:path'
import { build } from 'esbuild'
import { licencesFileName, moduleOptions } from '../../service/bundle.ts'
import { licenceText, packagesOf } from '../../service/bundle-licences.ts'

const projectDir = resolve(import.meta.dirname, '../..')

/** Below `ci/github/`, as action.yml names it. */
export const bundlePath = 'dist/login.mjs'

/**
 * @returns the file and the licences of what is in it, by path; the same source gives the same texts, on any machine
 */
export async function bundleAction(): Promise<Readonly<Record<string, string>>> {
  const { outputFiles, metafile } = await build({
    ...moduleOptions('ci/github/login-main.ts', bundlePath),
    // People read a committed file, and what runs in their jobs: names stay as they are.
    minify: false,
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: false,
    // undici's own switch for being bundled.
    define: { esbuildDetection: '1' },
  })
  const [file] = outputFiles
  if (file === undefined) throw new Error('esbuild gave no file for ci/github/login-main.ts')
  return { [bundlePath]: file.text, [`dist/${licencesFileName}`]: licenceText(await packagesOf(metafile, projectDir)) }
}
