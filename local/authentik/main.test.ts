/** The stand-in as it is deployed: bundled, in a directory that it cannot write to, as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensurePython } from '../toolchain/python.ts'
import { standInAuthentik } from '../world/stand-ins.ts'

/** The limit of a ConfigMap. */
const CONFIG_MAP_BYTES = 1024 * 1024

let directory: string
let files: Record<string, string>
let python: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stand-in-authentik-'))
  files = (await standInAuthentik('image', 'the-api-token')).code
  python = await ensurePython()
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
  await writeFile(join(directory, 'token'), 'the-api-token\n')
  await chmod(directory, 0o555)
})
afterAll(async () => {
  await chmod(directory, 0o755)
  await rm(directory, { recursive: true })
})

const start = (env: Record<string, string>): ChildProcess =>
  spawn(process.execPath, [join(directory, 'main.mjs')], { env, stdio: ['ignore', 'pipe', 'pipe'] })

test('fits into a ConfigMap', () => {
  expect(Object.values(files).reduce((bytes, text) => bytes + Buffer.byteLength(text), 0)).toBeLessThan(
    CONFIG_MAP_BYTES,
  )
})

test('runs, says what it is, and ends on SIGTERM', async () => {
  const data = await mkdtemp(join(tmpdir(), 'stand-in-authentik-data-'))
  const child = start({
    PORT: '0',
    DATA_DIR: data,
    AUTHENTIK_BOOTSTRAP_TOKEN_FILE: join(directory, 'token'),
    PYTHON: python,
  })
  const ended = once(child, 'exit')
  try {
    let log = ''
    let port = 0
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      log += line
      port = JSON.parse(line).port ?? port
      if (port) break
    }
    expect(log).toContain('stand-in authentik (not the real one)')
    const url = `http://127.0.0.1:${port}`
    for (const path of ['live', 'ready']) expect((await fetch(`${url}/-/health/${path}/`)).status).toBe(200)
    const page = await fetch(url)
    expect(page.headers.get('x-powered-by')).toContain('stand-in')
    expect(await page.text()).toContain('This is not authentik')
    const headers = { authorization: 'Bearer the-api-token' }
    expect((await fetch(`${url}/api/v3/admin/version/`, { headers })).status).toBe(200)
    expect(log).not.toContain('the-api-token')
  } finally {
    child.kill('SIGTERM')
  }
  expect(await ended).toEqual([0, null])
  expect(await readdir(data)).toEqual(['authentik.json'])
  await rm(data, { recursive: true })
})

test('says which setting is missing', async () => {
  const child = start({})
  let message = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    message += chunk
  })
  expect(await once(child, 'close')).toEqual([2, null])
  expect(message).toContain('DATA_DIR is not set')
})
