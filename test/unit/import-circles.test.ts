/** Neither file nor folder imports itself by way of others, types included: each can be read after what it imports. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const folders = [
  'adopt',
  'clean-up',
  'events',
  'policy',
  'infra',
  'service',
  'trust',
  'ci',
  'doctor',
  'prober',
  'local',
]

/** The relative imports of a source text, of values and types, static and dynamic. */
function relativeImports(source: string): string[] {
  return [...source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.{1,2}\/[^']+\.ts)'/g)].map(([, path = '']) => path)
}

/** The first circle found, from a file back to itself; undefined where there is none. */
function findCircle(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>()
  function visit(file: string, path: readonly string[]): string[] | undefined {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return undefined
    for (const next of imports.get(file) ?? []) {
      const circle = visit(next, [...path, file])
      if (circle !== undefined) return circle
    }
    done.add(file)
    return undefined
  }
  for (const file of imports.keys()) {
    const circle = visit(file, [])
    if (circle !== undefined) return circle
  }
  return undefined
}

const files = folders.flatMap((folder) =>
  globSync(`${folder}/**/*.ts`, { cwd: root, exclude: ['**/node_modules/**', '**/*.d.ts'] }),
)
const imports = new Map(
  files.map((file) => {
    const paths = relativeImports(readFileSync(join(root, file), 'utf8'))
    return [file, paths.map((path) => join(dirname(file), path))] as const
  }),
)

test('no imports go round in a circle', () => {
  expect([...imports.values()].flat().length).toBeGreaterThan(files.length)
  expect(findCircle(imports)).toBeUndefined()
})

test('nor do folders: none imports from one that needs it, but for tests', () => {
  const folderOf = (path: string) => path.split('/')[0] ?? ''
  const needed = new Map<string, string[]>(folders.map((folder) => [folder, []]))
  for (const [file, paths] of imports) {
    if (/\.(test|fixture)\.ts$/.test(file)) continue
    needed.get(folderOf(file))?.push(...paths.map(folderOf).filter((folder) => folder !== folderOf(file)))
  }
  expect(needed.get('infra')).toContain('service')
  expect(findCircle(needed)).toBeUndefined()
})

test('a circle is found, of types and of dynamic imports too', () => {
  const sources = {
    a: "import type { B } from './b.ts'",
    b: "const c = await import('./c.ts')",
    c: "export * from './b.ts'",
  }
  const imports = new Map(
    Object.entries(sources).map(([name, text]) => [`${name}.ts`, relativeImports(text).map((path) => join('.', path))]),
  )
  expect(findCircle(imports)).toEqual(['b.ts', 'c.ts', 'b.ts'])
})
