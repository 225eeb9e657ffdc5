import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type BundleFiles,
  buildService,
  bundleFileName,
  bundleService,
  checkRoom,
  licencesFileName,
  nodeOptions,
  sourceMapFileName,
} from './bundle.ts'

let files: BundleFiles
let module = ''
let dir: string
beforeAll(async () => {
  files = await bundleService()
  module = files[bundleFileName] ?? ''
  dir = await mkdtemp(join(tmpdir(), 'bundle-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text)
})
afterAll(() => rm(dir, { recursive: true }))

/** Runs the bundle as a pod would, after a program that makes it fail; its environment is one that it starts with. */
async function failing(program: string): Promise<string> {
  const env = { TOKEN_URL: 'http://127.0.0.1:9/', CLIENT_ID: 'c', SCOPE: 's', LISTEN: '127.0.0.1:0' }
  const before = ['--import', `data:text/javascript,${encodeURIComponent(program)}`]
  const running = promisify(execFile)(process.execPath, [...nodeOptions, ...before, join(dir, bundleFileName)], { env })
  const { stdout, stderr } = await running.catch((error: { stdout: string; stderr: string }) => error)
  return stdout + stderr
}

describe('bundleService', () => {
  it('fits a ConfigMap with room to spare', () => {
    const bytes = (names: string[]) => names.reduce((sum, name) => sum + Buffer.byteLength(files[name] ?? ''), 0)
    expect(bytes([bundleFileName, sourceMapFileName])).toBeLessThan(524_288)
    expect(bytes(Object.keys(files))).toBeLessThan(600_000)
  })

  it('fails before it does not', () => {
    const grown = { ...files, [bundleFileName]: 'é'.repeat(262_144) }
    expect(() => checkRoom(grown)).toThrow(/have \d+ bytes; at most 524288 are wanted.*deploy the image/)
  })

  it('gives the same texts from whatever folder it is called', async () => {
    const here = process.cwd()
    process.chdir('/')
    try {
      const again = await bundleService()
      for (const [name, text] of Object.entries(files)) expect(again[name] === text, name).toBe(true)
    } finally {
      process.chdir(here)
    }
  })

  it('holds no path of the machine that made it', () => {
    for (const path of [process.cwd(), dirname(process.cwd()), homedir()]) {
      for (const [name, text] of Object.entries(files)) expect(text.includes(`${path}/`), name).toBe(false)
    }
  })

  it('imports nothing but what Node brings', async () => {
    const { metafile } = await buildService()
    const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path))
    expect(imported.length).toBeGreaterThan(3)
    for (const path of imported) expect(isBuiltin(path), path).toBe(true)
  })

  it('maps our sources alone, and keeps our names in the map', () => {
    const { sources, sourcesContent, names } = JSON.parse(files[sourceMapFileName] ?? '')
    expect(sources).toContain('service/main.ts')
    for (const source of sources) expect(source).toMatch(/^(service|trust)\/.*\.ts$/)
    expect(sourcesContent).toBeUndefined()
    expect(names).toContain('createTokenServer')
    expect(names.length).toBeLessThan(4_000)
    expect(module.trimEnd().endsWith(`//# sourceMappingURL=${sourceMapFileName}`)).toBe(true)
  })

  it('names our file and line in a stack, and no source of ours for a library', async () => {
    expect(await failing('process.on = null')).toMatch(/at run \(\S+\/service\/run\.ts:\d+:\d+\)/)
    // pino's own code reads this property; our log calls pino.
    const inside = 'Object.defineProperty(Object.prototype, "mixin", { get() { throw new Error() } })'
    expect(await failing(inside)).toMatch(
      /at \w+ \(\S+\/token-service\.mjs:\d+:\d+\)\n +at createLog \(\S+\/service\/operations\/log\.ts:\d+:\d+\)/,
    )
  })

  it('holds the licence of every package that is in it', async () => {
    const { metafile } = await buildService()
    const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs))
    const names = new Set(inputs.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))
    expect(names).toContain('pino')
    const listed = [...(files[licencesFileName] ?? '').matchAll(/^(\S+) \d+\.\d+\.\d+\S* \(\S+\)$/gm)].map(
      ([, name]) => name,
    )
    expect(new Set(listed)).toEqual(names)
  })
})

describe('npm run bundle', () => {
  const bundle = (...args: string[]) =>
    promisify(execFile)(process.execPath, [join(import.meta.dirname, 'bundle-main.ts'), ...args])

  it('says how it is used when it is asked', async () => {
    expect((await bundle('--help')).stdout).toContain('npm run bundle -- --out DIR')
  })

  it('asks for the folder where none is named', async () => {
    await expect(bundle()).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--out DIR') })
  })
})
