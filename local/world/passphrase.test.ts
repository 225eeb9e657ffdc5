import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensurePassphrase, forgetPassphrase } from './passphrase.ts'

const plain = 'config:\n  authentik:url: http://127.0.0.1:15001\n'
/** What `pulumi stack init` of 3.259 wrote for this passphrase. */
const phrase = 'a passphrase for a test'
const salt = 'encryptionsalt: v1:QZFz8+nC3GY=:v1:H8hp9fBbK1To4lOy:OApPVKt7TkwhOhT/Ctw56tvU7Kmg3g==\n'
const encrypted = `${salt}config:\n  authentik:token:\n    secure: v1:xyz\n`

let dir: string
let passphrase: string
let config: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passphrase-'))
  passphrase = join(dir, 'passphrase')
  config = join(dir, 'Pulumi.local.yaml')
})
afterEach(() => rm(dir, { recursive: true }))

describe('a machine that sees the stack for the first time', () => {
  it('gets a passphrase of its own, and a salt of another machine goes', async () => {
    await writeFile(config, salt + plain)
    await ensurePassphrase(passphrase, config)
    expect(await readFile(config, 'utf8')).toBe(plain)
    expect(await readFile(passphrase, 'utf8')).toMatch(/^[\w-]{43}$/)
  })

  it('does not throw away values that another passphrase encrypted', async () => {
    await writeFile(config, encrypted)
    await expect(ensurePassphrase(passphrase, config)).rejects.toThrow(/contains encrypted values/)
    expect(await readFile(config, 'utf8')).toBe(encrypted)
  })
})

describe('the second time', () => {
  beforeEach(() => writeFile(passphrase, phrase))

  it('keeps passphrase and salt as they are', async () => {
    for (const text of [plain, salt + plain, encrypted]) {
      await writeFile(config, text)
      await ensurePassphrase(passphrase, config)
      expect(await readFile(config, 'utf8')).toBe(text)
    }
    expect(await readFile(passphrase, 'utf8')).toBe(phrase)
  })

  it('takes out a salt that belongs to another passphrase, or is none', async () => {
    await writeFile(passphrase, `${phrase}!`)
    for (const foreign of [salt, 'encryptionsalt: v1:abc=:v1:def\n']) {
      await writeFile(config, foreign + plain)
      await ensurePassphrase(passphrase, config)
      expect(await readFile(config, 'utf8')).toBe(plain)
    }
    expect(await readFile(passphrase, 'utf8')).toBe(`${phrase}!`)
  })

  it('does not throw away values that another passphrase encrypted', async () => {
    await writeFile(passphrase, `${phrase}!`)
    await writeFile(config, encrypted)
    await expect(ensurePassphrase(passphrase, config)).rejects.toThrow(/is not the passphrase that encrypted them/)
    expect(await readFile(config, 'utf8')).toBe(encrypted)
  })
})

describe('taking the world away', () => {
  it('leaves the config as it was checked out', async () => {
    await writeFile(config, salt + plain)
    await writeFile(passphrase, phrase)
    expect(await forgetPassphrase(passphrase, config)).toBe(true)
    expect(await readFile(config, 'utf8')).toBe(plain)
    expect(existsSync(passphrase)).toBe(false)
  })

  it('keeps what encrypted values need', async () => {
    await writeFile(config, encrypted)
    await writeFile(passphrase, phrase)
    expect(await forgetPassphrase(passphrase, config)).toBe(false)
    expect(existsSync(passphrase)).toBe(true)
  })
})
