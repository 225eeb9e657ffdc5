/** skopeo, as a CI job runs it: credentials in a file, never on the command line. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Milliseconds; a push over the loopback interface takes about one second. */
const TIMEOUT_MS = 60_000

/** Who pushes: user name and password, or what docker keeps after a login that was answered with a refresh token. */
export type Login = { host: string; username: string; password: string } | { host: string; identityToken: string }

/** How it ended: the exit code, and what it printed. */
export interface Copied {
  code: number
  message: string
}

/**
 * `skopeo copy` between a folder (`oci:...`) and a registry without TLS (`docker://...`).
 * @param login for this host; without one skopeo is not logged in
 */
export const skopeoCopy = (from: string, to: string, login?: Login): Promise<Copied> =>
  skopeo(
    ['copy', '--quiet', '--src-tls-verify=false', '--dest-tls-verify=false', '--preserve-digests', from, to],
    login,
  )

/** `skopeo delete` of an image in a registry without TLS. */
export const skopeoDelete = (image: string, login: Login): Promise<Copied> =>
  skopeo(['delete', '--tls-verify=false', image], login)

async function skopeo([command = '', ...rest]: string[], login: Login | undefined): Promise<Copied> {
  const dir = await mkdtemp(join(tmpdir(), 'skopeo-'))
  try {
    const authfile = join(dir, 'auth.json')
    await writeFile(authfile, dockerConfig(login), { mode: 0o600 })
    const args = ['--insecure-policy', command, '--authfile', authfile, ...rest]
    return await new Promise((resolve) => {
      // A fatal error comes as a line of skopeo's log, which escapes quotation marks.
      execFile('skopeo', args, { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? -1) : 0, message: `${stdout}${stderr}`.replaceAll('\\"', '"') })
      })
    })
  } finally {
    await rm(dir, { recursive: true })
  }
}

/** The file in which clients keep logins, as `docker login` writes it. */
export function dockerConfig(login: Login | undefined): string {
  if (login === undefined) return JSON.stringify({ auths: {} })
  const auth = (username: string, password: string) => Buffer.from(`${username}:${password}`).toString('base64')
  const kept =
    'identityToken' in login
      ? { auth: auth('JWT', ''), identitytoken: login.identityToken }
      : { auth: auth(login.username, login.password) }
  return JSON.stringify({ auths: { [login.host]: kept } })
}
