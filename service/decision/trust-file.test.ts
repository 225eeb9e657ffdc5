import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { document } from '../../trust/decision/policy.fixture.ts'
import { createLog } from '../operations/log.ts'
import { openTrustFile, type TrustFile } from './trust-file.ts'

const limits = { trustFileBytes: 100_000, trustFilePollMs: 10 }
const renamed = { ...document, application: 'renamed' }

let dir: string
let path: string
let lines: Record<string, unknown>[]
let file: TrustFile | undefined

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'trust-file-'))
  path = join(dir, 'trust.json')
  lines = []
})
afterEach(async () => {
  file?.close()
  file = undefined
  await rm(dir, { recursive: true })
})

const start = async () => {
  file = await openTrustFile(path, limits, createLog('trace', { write: (line) => lines.push(JSON.parse(line)) }))
  return file
}
/** Whole at once: a look between the two steps of a write would see an empty file, and say so. */
const replace = async (text: string) => {
  await writeFile(join(dir, 'next'), text)
  await rename(join(dir, 'next'), path)
}
const application = () => file?.policy().document.application
const messages = () => lines.map(({ msg, cause }) => cause ?? msg)

/** Waits for what the next look at the file brings. */
async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await sleep(5)
}

describe('openTrustFile', () => {
  it('reads the rules, and takes new ones when the file is replaced', async () => {
    await writeFile(path, JSON.stringify(document))
    await start()
    expect(application()).toBe('docker-registry')
    await replace(JSON.stringify(renamed))
    await until(() => application() === 'renamed')
    expect(lines).toMatchObject([
      { msg: 'trust rules loaded', rules: 3 },
      { msg: 'trust rules replaced', rules: 3 },
    ])
  })

  it('sees the folder of a mounted ConfigMap swapped', async () => {
    for (const [name, content] of [
      ['first', document],
      ['second', renamed],
    ] as const) {
      await mkdir(join(dir, name))
      await writeFile(join(dir, name, 'trust.json'), JSON.stringify(content))
    }
    await symlink('first', join(dir, '..data'))
    await symlink('..data/trust.json', path)
    await start()
    await symlink('second', join(dir, '..data_tmp'))
    await rename(join(dir, '..data_tmp'), join(dir, '..data'))
    await until(() => application() === 'renamed')
  })

  it('keeps the rules that it has when new ones are wrong or gone, says so once, and takes the next good ones', async () => {
    await writeFile(path, JSON.stringify(document))
    await start()
    await replace(JSON.stringify(document).slice(0, 500))
    await until(() => lines.length === 2)
    expect(file?.rejected()).toBe(true)
    await rm(path)
    await until(() => lines.length === 3)
    await sleep(5 * limits.trustFilePollMs)
    expect(application()).toBe('docker-registry')
    await replace(JSON.stringify(renamed))
    await until(() => application() === 'renamed')
    expect(file?.rejected()).toBe(false)
    expect(messages()).toEqual([
      'trust rules loaded',
      'TRUST_FILE names a file that is not JSON, or not all of it',
      'TRUST_FILE names a file that cannot be read (ENOENT)',
      'trust rules replaced',
    ])
  })

  it.each([
    ['is missing', undefined, /cannot be read \(ENOENT\)/],
    ['is empty', '', /not JSON/],
    ['is of another version', JSON.stringify({ ...document, version: 2 }), /version 1\); deploy the rules again/],
    ['is too large', ' '.repeat(limits.trustFileBytes + 1), /more than 100000 bytes/],
  ])('does not start with a file that %s', async (_, content, sentence) => {
    if (content !== undefined) await writeFile(path, content)
    await expect(start()).rejects.toThrow(sentence)
    await expect(start()).rejects.toMatchObject({ name: 'ConfiguredFileError' })
  })

  it('does not start with a folder', async () => {
    await mkdir(path)
    await expect(start()).rejects.toThrow(/cannot be read \(EISDIR\)/)
  })
})
