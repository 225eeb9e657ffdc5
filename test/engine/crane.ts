/** crane, as a CI job runs it after `docker login`: it reads docker's configuration. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureTool } from '../../local/toolchain/index.ts'
import { type Copied, dockerConfig, type Login } from './skopeo.ts'

/** Milliseconds; a push over the loopback interface takes about one second. */
const TIMEOUT_MS = 60_000

/** `crane push` of an image layout to a registry without TLS. */
export const cranePush = (layout: string, reference: string, login: Login): Promise<Copied> =>
  crane(['push', layout, reference], login)

/** Any command of crane at a registry without TLS. */
export async function crane(args: string[], login: Login): Promise<Copied> {
  const command = await ensureTool('crane')
  const dir = await mkdtemp(join(tmpdir(), 'crane-'))
  try {
    await writeFile(join(dir, 'config.json'), dockerConfig(login), { mode: 0o600 })
    const options = { timeout: TIMEOUT_MS, env: { DOCKER_CONFIG: dir } }
    return await new Promise((resolve) => {
      execFile(command, ['--insecure', ...args], options, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? -1) : 0, message: `${stdout}${stderr}` })
      })
    })
  } finally {
    await rm(dir, { recursive: true })
  }
}
