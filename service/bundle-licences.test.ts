import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { licenceText, packagesOf } from './bundle-licences.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'licences-'))
})
afterAll(() => rm(dir, { recursive: true }))

async function install(path: string, version: string, texts: Record<string, string>) {
  const folder = join(dir, 'node_modules', path)
  await mkdir(folder, { recursive: true })
  const name = path.replace(/.*node_modules\//, '')
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name, version, license: 'MIT' }))
  for (const [file, text] of Object.entries(texts)) await writeFile(join(folder, file), text)
}

/** What esbuild says of a bundle of these files. */
const metafileOf = (...paths: string[]) => ({
  inputs: {},
  outputs: {
    'out.mjs': {
      bytes: 0,
      imports: [],
      exports: [],
      inputs: Object.fromEntries(paths.map((path) => [path, { bytesInOutput: 1 }])),
    },
  },
})

it('lists every package once, a nested one of another version too, with licence and notice', async () => {
  await install('b', '1.0.0', { LICENSE: 'the terms\r\n', 'README.md': 'not this' })
  await install('@scope/a', '2.0.0', { 'LICENSE.md': 'other terms', NOTICE: 'made by somebody' })
  await install('@scope/a/node_modules/b', '0.9.0', { licence: 'the terms' })
  const inputs = [
    'service/main.ts',
    'node_modules/b/index.js',
    'node_modules/b/lib/more.js',
    'node_modules/@scope/a/index.js',
    'node_modules/@scope/a/node_modules/b/index.js',
  ]
  const packages = await packagesOf(metafileOf(...inputs), dir)
  expect(packages).toEqual([
    { name: '@scope/a', version: '2.0.0', licence: 'MIT', text: 'other terms\n\nmade by somebody' },
    { name: 'b', version: '0.9.0', licence: 'MIT', text: 'the terms' },
    { name: 'b', version: '1.0.0', licence: 'MIT', text: 'the terms' },
  ])
  const text = licenceText(packages)
  expect(text.match(/the terms/g)).toHaveLength(1)
  expect(text).toContain('b 0.9.0 (MIT)\nb 1.0.0 (MIT)\n')
})

it('fails for a package without a licence text', async () => {
  await install('bare', '1.0.0', {})
  await expect(packagesOf(metafileOf('node_modules/bare/index.js'), dir)).rejects.toThrow('bare 1.0.0 (MIT)')
})
