/**
 * The stand-in CI issuers as a process.
 *
 * PORT (9080), HOST (127.0.0.1; a pod sets 0.0.0.0), BASE_URL (by which others reach it), JWKS_DIR with `github.json`
 * and `gitlab.json`: public keys only (JWKS documents). It refuses a directory that holds a private key.
 */
import { readFile } from 'node:fs/promises'
import type { JSONWebKeySet } from 'jose'
import { listenHost, setting } from './environment.ts'
import { keyFile, type Platform } from './keys.ts'
import { closeOnSignal } from './listen.ts'
import { startIssuers } from './server.ts'

const NAME = 'stand-in CI issuers'

const directory = setting(NAME, 'JWKS_DIR')

async function publicKeys(platform: Platform): Promise<JSONWebKeySet> {
  const keys = JSON.parse(await readFile(keyFile(directory, platform), 'utf8')) as JSONWebKeySet
  if (!Array.isArray(keys.keys) || keys.keys.some((key) => 'd' in key)) {
    throw new Error(`${platform}.json must be a JWKS document of public keys`)
  }
  return keys
}

const running = await startIssuers({
  port: Number(setting(NAME, 'PORT', '9080')),
  host: listenHost(),
  baseUrl: setting(NAME, 'BASE_URL'),
  keys: publicKeys,
})
console.log(`stand-in CI issuers (not GitHub, not GitLab) listen on port ${running.port}`)

closeOnSignal(running)
