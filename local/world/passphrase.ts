/**
 * The passphrase that encrypts the secrets of stack `local`, and the salt that Pulumi writes beside the config.
 *
 * The passphrase belongs to one machine; Pulumi writes the salt line into `stacks/Pulumi.local.yaml` when it makes the
 * stack. A salt is of use only with the passphrase that it was made for, so a foreign one is removed, unless the file
 * contains values that were encrypted with it.
 */
import { createDecipheriv, pbkdf2 } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Stop } from '../steps.ts'
import { ensureSecretFile } from './secret-file.ts'

const saltLine = /^encryptionsalt: (.*)\n?/m
const encryptedValue = /^\s+secure: /m

// As Pulumi makes it (pkg/secrets/passphrase/manager.go, sdk/go/common/resource/config/crypt.go):
// `v1:<salt>:v1:<nonce>:<text>`, each in base64. The text is the word "pulumi", encrypted with AES-256-GCM.
const PBKDF2_ROUNDS = 1_000_000
const KEY_BYTES = 32
const TAG_BYTES = 16

/** The config text without Pulumi's salt; undefined when it contains encrypted values, which need that salt. */
export function withoutSalt(configText: string): string | undefined {
  return encryptedValue.test(configText) ? undefined : configText.replace(saltLine, '')
}

/** Whether Pulumi can use a salt with this passphrase. */
async function belongTogether(salt: string, passphrase: string): Promise<boolean> {
  const [, base64Salt = '', , base64Nonce = '', base64Text = ''] = salt.split(':')
  const [keySalt, nonce, text] = [base64Salt, base64Nonce, base64Text].map((part) => Buffer.from(part, 'base64'))
  if (!keySalt || !nonce?.length || !text || text.length < TAG_BYTES) return false
  const key = await promisify(pbkdf2)(passphrase, keySalt, PBKDF2_ROUNDS, KEY_BYTES, 'sha256')
  const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAuthTag(text.subarray(-TAG_BYTES))
  decipher.update(text.subarray(0, -TAG_BYTES))
  try {
    decipher.final()
    return true
  } catch {
    return false
  }
}

/**
 * Makes sure that there is a passphrase file and that the salt in the stack's config belongs to it.
 *
 * @throws Stop when the config contains values encrypted with a passphrase that this machine does not have
 */
export async function ensurePassphrase(passphraseFile: string, configFile: string): Promise<void> {
  const text = await readFile(configFile, 'utf8')
  const salt = saltLine.exec(text)?.[1]
  if (salt !== undefined) {
    const known = existsSync(passphraseFile) && (await belongTogether(salt, await readFile(passphraseFile, 'utf8')))
    if (!known) await removeSalt(text, passphraseFile, configFile)
  }
  await ensureSecretFile(passphraseFile)
}

async function removeSalt(text: string, passphraseFile: string, configFile: string): Promise<void> {
  const clean = withoutSalt(text)
  if (clean === undefined) {
    throw new Stop(
      `${configFile} contains encrypted values, but ${passphraseFile}\n` +
        'is missing or is not the passphrase that encrypted them. Put the right one there, or remove the values and\n' +
        'the line "encryptionsalt" and set the values again with `pulumi config set --secret`.',
    )
  }
  await writeFile(configFile, clean)
}

/**
 * Removes passphrase and salt together with the world.
 *
 * @returns false when the config contains encrypted values: then both stay, because the values are lost without them
 */
export async function forgetPassphrase(passphraseFile: string, configFile: string): Promise<boolean> {
  const text = await readFile(configFile, 'utf8')
  const clean = withoutSalt(text)
  if (clean === undefined) return false
  if (clean !== text) await writeFile(configFile, clean)
  await rm(passphraseFile, { force: true })
  return true
}
