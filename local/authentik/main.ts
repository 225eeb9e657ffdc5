/**
 * The stand-in authentik as a process.
 *
 * PORT (9000), HOST (127.0.0.1; a pod sets 0.0.0.0), DATA_DIR, AUTHENTIK_BOOTSTRAP_TOKEN_FILE (holds the API token of
 * akadmin), PYTHON (python3; must be able to import PyJWT), AUTHENTIK_VERSION (as which authentik it answers).
 */
import { readFile } from 'node:fs/promises'
import { listenHost, setting } from '../issuers/environment.ts'
import { closeOnSignal } from '../issuers/listen.ts'
import { startAuthentik } from './server.ts'
import { NEWEST_VERSION } from './version.ts'

const NAME = 'stand-in authentik'

const running = await startAuthentik({
  port: Number(setting(NAME, 'PORT', '9000')),
  host: listenHost(),
  dataDir: setting(NAME, 'DATA_DIR'),
  bootstrapToken: (await readFile(setting(NAME, 'AUTHENTIK_BOOTSTRAP_TOKEN_FILE'), 'utf8')).trim(),
  python: setting(NAME, 'PYTHON', 'python3'),
  version: setting(NAME, 'AUTHENTIK_VERSION', NEWEST_VERSION),
})

closeOnSignal(running)
