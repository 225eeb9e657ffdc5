/**
 * The licences of the packages whose code is in the bundle: each requires that its text accompanies the code.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Metafile } from 'esbuild'

/** A package of which something is in the bundle. */
export interface BundledPackage {
  name: string
  version: string
  /** The identifier of its licence, as the package itself says it (SPDX). */
  licence: string
  /** Licence and notice, as the package delivers them. */
  text: string
}

/** From the path of a file to the folder of its package; a package inside another is one of its own. */
const packageFolder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/
/** Apache-2.0 §4(d) wants the NOTICE too. */
const licenceFile = /^(licen[cs]e|copying|notice)([-.].*)?$/i

/**
 * The packages that esbuild took code from, by name and version.
 * @throws Error where a package has no licence text: then somebody has to decide what to do about it
 */
export async function packagesOf(metafile: Metafile, projectDir: string): Promise<BundledPackage[]> {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs))
  const folders = new Set(inputs.flatMap((path) => packageFolder.exec(path) ?? []))
  const packages = await Promise.all([...folders].map((folder) => readPackage(resolve(projectDir, folder))))
  const key = ({ name, version }: BundledPackage) => `${name} ${version}`
  return [...new Map(packages.map((one) => [key(one), one])).entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, one]) => one)
}

/** One text with all of them; a text that several share appears once. */
export function licenceText(packages: readonly BundledPackage[]): string {
  const byText = Map.groupBy(packages, ({ text }) => text)
  const rule = '='.repeat(80)
  const parts = [...byText].map(([text, sharing]) => {
    const names = sharing.map(({ name, version, licence }) => `${name} ${version} (${licence})`)
    return `${rule}\n${names.join('\n')}\n${rule}\n\n${text}\n`
  })
  return ['Beside this file lies code of these packages, each under the licence below it.\n', ...parts].join('\n')
}

async function readPackage(folder: string): Promise<BundledPackage> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const files = (await readdir(folder)).filter((file) => licenceFile.test(file)).sort()
  if (files.length === 0) throw new Error(`${name} ${version} (${license}) is bundled and has no licence file`)
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
  // Line ends differ between packages, and nothing else should make two of the same text.
  const text = texts.map((one) => one.replaceAll('\r\n', '\n').trim()).join('\n\n')
  return { name, version, licence: license, text }
}
