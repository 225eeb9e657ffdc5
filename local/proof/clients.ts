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

/** How long the token service may take for a login, in milliseconds. */
const loginLimitMs = 30_000

/** User name under which the token service takes the password for a CI platform's JWT. */
export const ciUser = 'JWT'

export interface Client {
  name: 'skopeo' | 'crane' | 'oras'
  /** Pushes an OCI layout folder to `repository:tag`. */
  push(layout: string, reference: string): Promise<ProcessOutput>
  /** Pulls `repository:tag` into an OCI layout folder. */
  pull(reference: string, layout: string): Promise<ProcessOutput>
  [Symbol.asyncDispose](): Promise<void>
}

const basic = (password: string) => Buffer.from(`${ciUser}:${password}`).toString('base64')

/**
 * A client that is logged in with a JWT, the way docker's config file has it.
 *
 * @param registry host and port, as in an image's name
 */
export const logIn = (name: Client['name'], registry: string, jwt: string): Promise<Client> =>
  clientWith(name, registry, { auth: basic(jwt) })

/** The same with a session, which takes the place of the JWT; see {@link openSession}. */
export const logInWithSession = (name: Client['name'], registry: string, session: string): Promise<Client> =>
  clientWith(name, registry, { auth: basic(''), identitytoken: session })

/**
 * Asks for a session as `docker login` does.
 *
 * @throws Error with the answer, where it does not contain one
 */
export async function openSession(registry: string, jwt: string): Promise<string> {
  const answer = await fetch(`http://${registry}/token?service=docker-registry&offline_token=true&account=${ciUser}`, {
    headers: { authorization: `Basic ${basic(jwt)}` },
    signal: AbortSignal.timeout(loginLimitMs),
  })
  const body = (await answer.json()) as { refresh_token?: string; errors?: unknown }
  if (body.refresh_token !== undefined) return body.refresh_token
  throw new Error(`the login was answered ${answer.status} without a session: ${JSON.stringify(body.errors)}`)
}

async function clientWith(name: Client['name'], registry: string, credential: Record<string, string>): Promise<Client> {
  const config = await mkdtemp(join(tmpdir(), 'registry-login-'))
  const file = JSON.stringify({ auths: { [registry]: credential } })
  await writeFile(join(config, 'config.json'), file, { mode: 0o600 })
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
  if (name === 'oras') {
    const oras = await ensureTool('oras')
    const file = join(config, 'config.json')
    return {
      name,
      push: (layout, reference) =>
        run`${oras} cp --from-oci-layout ${layout}:latest --to-plain-http --to-registry-config ${file} ${registry}/${reference}`,
      pull: (reference, layout) =>
        run`${oras} cp --from-plain-http --from-registry-config ${file} ${registry}/${reference} --to-oci-layout ${layout}:latest`,
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
