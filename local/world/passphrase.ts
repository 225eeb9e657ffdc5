/**
 * The passphrase that encrypts the secrets of stack `local`, and the salt that Pulumi writes beside the config.
 *
 * The passphrase belongs to one machine; the salt line is written into `stacks/Pulumi.local.yaml` by Pulumi itself
 * when the stack is made. A salt without its passphrase opens nothing, so one goes with the other, unless the file
 * holds values that only they can decrypt.
 */
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { Stop } from '../steps.ts'
import { ensureSecretFile } from './secret-file.ts'

const saltLine = /^encryptionsalt: .*\n?/m
const encryptedValue = /^\s+secure: /m

/** The config text without Pulumi's salt; undefined when it holds encrypted values, which need that salt. */
export function withoutSalt(configText: string): string | undefined {
  return encryptedValue.test(configText) ? undefined : configText.replace(saltLine, '')
}

/**
 * Makes sure that there is a passphrase file and that the salt in the stack's config belongs to it.
 *
 * @throws Stop when the config holds values encrypted with a passphrase that this machine does not have
 */
export async function ensurePassphrase(passphraseFile: string, configFile: string): Promise<void> {
  if (existsSync(passphraseFile)) return
  const text = await readFile(configFile, 'utf8')
  const clean = withoutSalt(text)
  if (clean === undefined) {
    throw new Stop(
      `${configFile} holds encrypted values, but the passphrase that opens them is not on this machine\n` +
        `(expected in ${passphraseFile}). Put that file back, or remove the values and the line "encryptionsalt" and\n` +
        'set them again with `pulumi config set --secret`.',
    )
  }
  if (clean !== text) await writeFile(configFile, clean)
  await ensureSecretFile(passphraseFile)
}

/**
 * Takes passphrase and salt away with the world.
 *
 * @returns false when the config holds encrypted values: then both stay, for without them the values are lost
 */
export async function forgetPassphrase(passphraseFile: string, configFile: string): Promise<boolean> {
  const text = await readFile(configFile, 'utf8')
  const clean = withoutSalt(text)
  if (clean === undefined) return false
  if (clean !== text) await writeFile(configFile, clean)
  await rm(passphraseFile, { force: true })
  return true
}
