/** skopeo, as a CI job runs it: credentials in a file, never on the command line. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Milliseconds; a push over the loopback interface takes about one second. */
const TIMEOUT_MS = 60_000

/** How it ended: the code, and what it told the person who ran it. */
export interface Copied {
  code: number
  message: string
}

/**
 * `skopeo copy` between a folder (`oci:...`) and a registry without TLS (`docker://...`).
 * @param login for this host; none means that nobody is logged in
 */
export async function skopeoCopy(
  from: string,
  to: string,
  login?: { host: string; username: string; password: string },
): Promise<Copied> {
  const dir = await mkdtemp(join(tmpdir(), 'skopeo-'))
  try {
    const authfile = join(dir, 'auth.json')
    const auth = login && Buffer.from(`${login.username}:${login.password}`).toString('base64')
    await writeFile(authfile, JSON.stringify({ auths: login ? { [login.host]: { auth } } : {} }), { mode: 0o600 })
    const insecure = ['--insecure-policy', 'copy', '--quiet', '--src-tls-verify=false', '--dest-tls-verify=false']
    const args = [...insecure, '--preserve-digests', '--authfile', authfile, from, to]
    return await new Promise((resolve) => {
      execFile('skopeo', args, { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? -1) : 0, message: `${stdout}${stderr}` })
      })
    })
  } finally {
    await rm(dir, { recursive: true })
  }
}
