/** The signing keys of the stand-in CI platforms: made on first need, kept as private JWK files. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JSONWebKeySet, JWK } from 'jose'

export const PLATFORMS = ['github', 'gitlab'] as const
export type Platform = (typeof PLATFORMS)[number]

/** GitHub and GitLab both sign with RSA keys of this size, RS256. */
const RSA_BITS = 2048

/** The key file of a platform. */
export const keyFile = (directory: string, platform: Platform): string => join(directory, `${platform}.json`)

/**
 * The platform's private key, from its file or newly made (file 0600, directory 0700).
 * @throws Error naming the file where it does not hold a private key
 */
export async function signingKey(directory: string, platform: Platform): Promise<JWK> {
  const path = keyFile(directory, platform)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) {
    await makeKey(directory, path, platform)
    return await signingKey(directory, platform)
  }
  const key = parseKey(text)
  if (!key) throw new Error(`${path} does not hold a private signing key (JWK). Delete it to have a new one made.`)
  return key
}

function parseKey(text: string): JWK | undefined {
  try {
    const key = JSON.parse(text) as JWK
    return key.kid && key.d ? key : undefined
  } catch {
    return undefined
  }
}

async function makeKey(directory: string, path: string, platform: Platform): Promise<void> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
  const kid = `${platform}-${randomBytes(8).toString('hex')}`
  const key = { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const beside = `${path}.${randomBytes(8).toString('hex')}`
  await writeFile(beside, `${JSON.stringify(key)}\n`, { mode: 0o600 })
  try {
    // A link fails where the file exists: of two processes at the same time both use the key of the first.
    await link(beside, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(beside)
  }
}

/** The public half, as a platform publishes it. */
export function publicKeys(key: JWK): JSONWebKeySet {
  const { kty, n, e, kid, alg, use } = key
  return { keys: [{ kty, n, e, kid, alg, use } as JWK] }
}
