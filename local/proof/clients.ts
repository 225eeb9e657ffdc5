/**
 * Real registry clients, each with credentials of its own in a private folder: never in the process list, never in
 * the home of whoever runs this.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { $, type ProcessOutput } from 'zx'
import { ensureTool } from '../toolchain/index.ts'

/** How long one push or pull may take, in seconds. */
const transferSeconds = 120

/** User name under which the token service takes the password for a CI platform's JWT. */
export const ciUser = 'JWT'

export interface Client {
  name: 'skopeo' | 'crane'
  /** Pushes an OCI layout folder to `repository:tag`. */
  push(layout: string, reference: string): Promise<ProcessOutput>
  /** Pulls `repository:tag` into an OCI layout folder. */
  pull(reference: string, layout: string): Promise<ProcessOutput>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * A client that is logged in with a JWT, the way docker's config file has it.
 *
 * @param registry host and port, as in an image's name
 */
export async function logIn(name: Client['name'], registry: string, jwt: string): Promise<Client> {
  const config = await mkdtemp(join(tmpdir(), 'registry-login-'))
  const auth = Buffer.from(`${ciUser}:${jwt}`).toString('base64')
  await writeFile(join(config, 'config.json'), JSON.stringify({ auths: { [registry]: { auth } } }), { mode: 0o600 })
  const run = $({
    quiet: true,
    nothrow: true,
    timeout: `${transferSeconds}s`,
    env: { ...process.env, DOCKER_CONFIG: config, REGISTRY_AUTH_FILE: join(config, 'config.json') },
  })
  const dispose = { [Symbol.asyncDispose]: () => rm(config, { recursive: true, force: true }) }
  if (name === 'skopeo') {
    return {
      name,
      push: (layout, reference) =>
        run`skopeo --insecure-policy copy --quiet --dest-tls-verify=false oci:${layout} docker://${registry}/${reference}`,
      pull: (reference, layout) =>
        run`skopeo --insecure-policy copy --quiet --src-tls-verify=false docker://${registry}/${reference} oci:${layout}`,
      ...dispose,
    }
  }
  const crane = await ensureTool('crane')
  return {
    name,
    push: (layout, reference) => run`${crane} push --insecure ${layout} ${registry}/${reference}`,
    pull: (reference, layout) => run`${crane} pull --insecure --format=oci ${registry}/${reference} ${layout}`,
    ...dispose,
  }
}
