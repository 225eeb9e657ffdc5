/**
 * The stand-in authentik as a process.
 *
 * PORT (9000), HOST (127.0.0.1; a pod sets 0.0.0.0), DATA_DIR, AUTHENTIK_BOOTSTRAP_TOKEN_FILE (holds the API token of
 * akadmin), PYTHON (python3; must be able to import PyJWT).
 */
import { readFile } from 'node:fs/promises'
import { startAuthentik } from './server.ts'

function setting(name: string, otherwise?: string): string {
  const value = process.env[name] || otherwise
  if (value) return value
  console.error(`stand-in authentik: ${name} is not set. It needs DATA_DIR and AUTHENTIK_BOOTSTRAP_TOKEN_FILE.`)
  process.exit(2)
}

const running = await startAuthentik({
  port: Number(setting('PORT', '9000')),
  // A pod's port must be reachable from outside of it; anywhere else only this machine's own programs may come.
  host: setting('HOST', process.env.KUBERNETES_SERVICE_HOST ? '0.0.0.0' : '127.0.0.1'),
  dataDir: setting('DATA_DIR'),
  bootstrapToken: (await readFile(setting('AUTHENTIK_BOOTSTRAP_TOKEN_FILE'), 'utf8')).trim(),
  python: setting('PYTHON', 'python3'),
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    running.close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
}
