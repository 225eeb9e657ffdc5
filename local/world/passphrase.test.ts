import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensurePassphrase, forgetPassphrase } from './passphrase.ts'

const plain = 'config:\n  authentik:url: http://127.0.0.1:15001\n'
const salt = 'encryptionsalt: v1:abc=:v1:def\n'
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
    await expect(ensurePassphrase(passphrase, config)).rejects.toThrow(/holds encrypted values/)
    expect(await readFile(config, 'utf8')).toBe(encrypted)
  })
})

describe('the second time', () => {
  it('keeps passphrase and salt as they are', async () => {
    await writeFile(config, plain)
    await ensurePassphrase(passphrase, config)
    const first = await readFile(passphrase, 'utf8')
    await writeFile(config, salt + plain)
    await ensurePassphrase(passphrase, config)
    expect(await readFile(passphrase, 'utf8')).toBe(first)
    expect(await readFile(config, 'utf8')).toBe(salt + plain)
  })
})

describe('taking the world away', () => {
  it('leaves the config as it was checked out', async () => {
    await writeFile(config, salt + plain)
    await writeFile(passphrase, 'x')
    expect(await forgetPassphrase(passphrase, config)).toBe(true)
    expect(await readFile(config, 'utf8')).toBe(plain)
    expect(existsSync(passphrase)).toBe(false)
  })

  it('keeps what encrypted values need', async () => {
    await writeFile(config, encrypted)
    await writeFile(passphrase, 'x')
    expect(await forgetPassphrase(passphrase, config)).toBe(false)
    expect(existsSync(passphrase)).toBe(true)
  })
})
