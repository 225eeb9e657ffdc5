/** Who needs which package: the product and its tests in package.json, the local world in local/package.json. */
import { glob, readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..')

/** What runs or checks the code without being imported. */
const tools = ['@biomejs/biome', '@types/node', 'gitlab-ci-local', 'node']

/** The packages that the TypeScript of some folders imports, types included. */
async function importedBy(...patterns: string[]): Promise<string[]> {
  const packages = new Set<string>()
  for await (const file of glob(patterns, { cwd: root, exclude: ['**/node_modules'] })) {
    const { importedFiles } = ts.preProcessFile(await readFile(join(root, file), 'utf8'))
    for (const { fileName } of importedFiles) {
      if (fileName.startsWith('.') || fileName.startsWith('/') || isBuiltin(fileName)) continue
      packages.add(/^(?:@[^/]+\/)?[^/]+/.exec(fileName)?.[0] ?? fileName)
    }
  }
  return [...packages].sort()
}

interface Manifest {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}

async function packagesOf(path: string): Promise<Record<string, string>> {
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(root, path), 'utf8')) as Manifest
  return { ...dependencies, ...devDependencies }
}

describe('package.json', () => {
  it('names what the product and its tests import, and the tools, and nothing else', async () => {
    const imported = await importedBy('{adopt,policy,infra,service,trust,ci,doctor,prober,test}/**/*.ts', '*.ts')
    const named = Object.keys(await packagesOf('package.json'))
    expect(named.sort()).toEqual([...new Set([...imported, ...tools])].sort())
  })
})

describe('local/package.json', () => {
  it('names what the local world and its tests import, and nothing else', async () => {
    const named = Object.keys(await packagesOf('local/package.json')).filter((name) => !name.startsWith('@types/'))
    expect(named.sort()).toEqual(await importedBy('local/**/*.ts'))
  })

  it('has the same versions as package.json, so that one copy of each is installed', async () => {
    const product = await packagesOf('package.json')
    const shared = Object.entries(await packagesOf('local/package.json')).filter(([name]) => name in product)
    expect(shared.filter(([name, version]) => product[name] !== version)).toEqual([])
    const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'))
    expect(Object.keys(packages).filter((path) => path.startsWith('local/'))).toEqual([])
  })
})
