/** The action: logs the job in, and out again in its post step, which runs however the job ends. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import * as core from '@actions/core'
import { authEntry, sessionIn, withLogin } from './client-config.ts'
import { ask } from './http.ts'
import { jobToken } from './job-token.ts'
import { logIn, revoke } from './session.ts'

const REGISTRY = 'registry'
const FOLDER = 'folder'

const sleep = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000))
const world = { ask, sleep, now: () => performance.now() / 1000, info: core.info }

/** The step itself. */
export async function main(): Promise<void> {
  const registry = core.getInput('registry', { required: true })
  // Lower case, as clients look for it, and nothing that could be a path, a user name or a scheme.
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/.test(registry)) {
    throw new Error(
      `The input \`registry\` is ${JSON.stringify(registry)}; use the public name alone: registry.example.com`,
    )
  }
  const kind = core.getInput('credential') || 'session'
  if (kind !== 'session' && kind !== 'token') {
    throw new Error(`The input \`credential\` is ${JSON.stringify(kind)}; use session or token`)
  }
  const audience = core.getInput('audience') || registry
  const folder = await mkdtemp(join(process.env.RUNNER_TEMP ?? '', 'registry-login-'))
  // Before anything is in it, so that the post step finds the login of a job that was cancelled right here.
  core.saveState(REGISTRY, registry)
  core.saveState(FOLDER, folder)

  const newToken = async () => {
    const token = await jobToken(runnerEndpoint(), audience, world)
    core.setSecret(token)
    return token
  }
  const { token, session } =
    kind === 'session' ? await logIn(registry, newToken, world) : { token: await newToken(), session: undefined }
  if (session !== undefined) core.setSecret(session)
  if (kind === 'session' && session === undefined) {
    core.warning(`${registry} gives no sessions, so this login ends with the job's token: push within five minutes.`)
  }
  core.setSecret(authEntry({ token, session }).auth)
  const used = process.env.DOCKER_CONFIG || join(homedir(), '.docker')
  const before = await readFile(join(used, 'config.json'), 'utf8').catch(() => undefined)
  await writeFile(configIn(folder), withLogin(before, registry, { token, session }), { mode: 0o600 })
  core.exportVariable('DOCKER_CONFIG', folder)
  core.exportVariable('REGISTRY_AUTH_FILE', configIn(folder)) // podman, buildah and skopeo
  // Builders that docker/setup-buildx-action made before are described in the old folder.
  const builders = join(used, 'buildx')
  if (!process.env.BUILDX_CONFIG && existsSync(builders)) core.exportVariable('BUILDX_CONFIG', builders)
  core.setOutput('registry', registry)
  core.setOutput('image', `${registry}/${(process.env.GITHUB_REPOSITORY ?? '').toLowerCase()}`)
  core.info(`Logged in to ${registry} with ${session === undefined ? "the job's token" : 'a session'}`)
}

/** The post step: the session is over at authentik, and nothing of the login is left on the runner. */
export async function post(): Promise<void> {
  const [registry, folder] = [core.getState(REGISTRY), core.getState(FOLDER)]
  if (folder === '') return
  const file = await readFile(configIn(folder), 'utf8').catch(() => undefined)
  await rm(folder, { recursive: true, force: true })
  const session = file === undefined ? undefined : sessionIn(file, registry)
  if (session === undefined) return
  core.setSecret(session)
  const problem = await revoke(registry, session, world)
  if (problem === undefined) core.info(`The session at ${registry} is over`)
  // The image is pushed; a job that fails for this would be run again.
  else core.warning(`The session at ${registry} could not be revoked (${problem}); it ends by itself.`)
}

/** Whether this is the post step: the main step has saved where the login is. */
export const isPost = (): boolean => core.getState(FOLDER) !== ''

const configIn = (folder: string) => join(folder, 'config.json')

function runnerEndpoint() {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = process.env
  if (url && bearer) return { url, bearer }
  throw new Error(
    'This job may not ask GitHub for a token. Give it `permissions: { id-token: write }`; pull requests from forks get none.',
  )
}
