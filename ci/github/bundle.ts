/** The action as one file. GitHub runs an action as it lies in the repository, so the file is committed. */
import { resolve } from 'node:path'
import { build } from 'esbuild'
import { licencesFileName } from '../../service/bundle.ts'
import { licenceText, packagesOf } from '../../service/bundle-licences.ts'

const projectDir = resolve(import.meta.dirname, '../..')

/** Below `ci/github/`, as action.yml names it. */
export const bundlePath = 'dist/login.mjs'

/** @returns the file and the licences of what is in it, by path; the same source gives the same texts, on any machine */
export async function bundleAction(): Promise<Readonly<Record<string, string>>> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: projectDir,
    entryPoints: ['ci/github/login-main.ts'],
    outfile: bundlePath,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    charset: 'utf8',
    mainFields: ['module', 'main'],
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 160,
    legalComments: 'inline',
    // undici's own switch for being bundled.
    define: { esbuildDetection: '1' },
    banner: { js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)" },
    logLevel: 'silent',
  })
  const [file] = outputFiles
  if (file === undefined) throw new Error('esbuild gave no file for ci/github/login-main.ts')
  return { [bundlePath]: file.text, [`dist/${licencesFileName}`]: licenceText(await packagesOf(metafile, projectDir)) }
}
