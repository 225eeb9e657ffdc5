/** The whole program under the real engine, with stand-ins for authentik and issuers; Kubernetes accepts everything. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { pino } from 'pino'
import { parse, stringify } from 'yaml'
import { REGISTRY_NAME, SESSION_NAME, tokenEndpoint } from '../../infra/authentik/names.ts'
import { type FakeCluster, startFakeCluster } from '../../infra/kubernetes/cluster-api.fixture.ts'
import { startAuthentik } from '../../local/authentik/server.ts'
import { githubClaims } from '../../local/issuers/github.ts'
import { type Platform, publicKeys, signingKey } from '../../local/issuers/keys.ts'
import { mintToken } from '../../local/issuers/mint.ts'
import { startIssuers } from '../../local/issuers/server.ts'
import { projectDir } from '../../local/paths.ts'
import { ensurePython } from '../../local/toolchain/python.ts'
import { installAgreeableKubernetes } from './agreeable-kubernetes.ts'
import { openProject, type PulumiProject } from './pulumi-project.ts'

export const API_TOKEN = 'program-test-api-token'
const HOST = 'registry.example.com'
const PUSH_SCOPE = `${REGISTRY_NAME} repository:acme/app:pull,push`

export type Row = Record<string, unknown> & { pk: string | number }

/** One object in the engine's state. */
export interface Resource {
  urn: string
  type: string
  id?: string
  inputs?: Record<string, unknown>
  outputs?: Record<string, unknown>
}

export interface ProgramWorld extends AsyncDisposable {
  readonly project: PulumiProject
  /** What the program itself asks; the objects of the stack are not there. */
  readonly cluster: FakeCluster
  readonly url: string
  /** Changes settings of the stack, by their whole keys. */
  configure(settings: Record<string, unknown>): Promise<void>
  /** Starts the stand-in again on the same data and port, as another version. */
  becomes(version: string): Promise<void>
  api(method: string, path: string, body?: object): Promise<unknown>
  list(path: string): Promise<Row[]>
  /** Changes fields of a source, as its page in authentik does: with the URLs, which authentik wants each time. */
  changeSource(slug: string, changes: object): Promise<void>
  resources(): Promise<Resource[]>
  /** Changes the state's objects as text or as a list. */
  changeState(change: (resources: Resource[]) => Resource[]): Promise<void>
  /** The `access` that a fresh job of acme/app gets at authentik for a push, as JSON; else the status. */
  push(): Promise<string>
  /** What a fresh job is given for its login: a session. */
  openSession(): Promise<string>
  /** The token that authentik gives for a push of acme/app, for a session or a fresh job; undefined if it refuses. */
  registryToken(session?: string): Promise<string | undefined>
  /**
   * What Kubernetes does not accept from now on, by the name of the object in the state; empty: it takes everything.
   */
  refuse(...names: string[]): Promise<void>
}

export async function openProgramWorld(version: string): Promise<ProgramWorld> {
  await using cleanUp = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'program-'))
  cleanUp.defer(() => rm(dir, { recursive: true }))
  const keys = async (platform: Platform) => publicKeys(await signingKey(dir, platform))
  const issuers = await startIssuers({ keys })
  cleanUp.defer(() => issuers.close())
  const python = await ensurePython()
  const start = (as: string, port = 0) =>
    startAuthentik({
      dataDir: join(dir, 'authentik'),
      bootstrapToken: API_TOKEN,
      python,
      port,
      version: as,
      log: pino({ level: 'silent' }),
    })
  let authentik = await start(version)
  cleanUp.defer(() => authentik.close())
  const { url } = authentik

  const cluster = await startFakeCluster()
  cleanUp.defer(() => cluster[Symbol.asyncDispose]())
  const name = 'passwordless-registry'
  const { main: _, stackConfigDir: __, ...file } = parse(await readFile(join(projectDir, 'Pulumi.yaml'), 'utf8'))
  const project = await openProject(
    { AUTHENTIK_TOKEN: API_TOKEN },
    { name, file: stringify({ ...file, main: 'index.ts' }) },
  )
  cleanUp.defer(() => project.close())
  const kubernetes = await installAgreeableKubernetes(join(project.directory, 'home'))
  await project.write(`export { default } from '${projectDir}/infra/main.js'\n`)

  const configFile = join(project.directory, 'Pulumi.test.yaml')
  const configure = async (settings: Record<string, unknown>) => {
    const text = parse(await readFile(configFile, 'utf8').catch(() => '{}')) ?? {}
    await writeFile(configFile, stringify({ ...text, config: { ...text.config, ...settings } }))
  }
  await configure({
    'authentik:url': url,
    'kubernetes:kubeconfig': cluster.kubeconfig,
    [`${name}:host`]: HOST,
    // The cluster would be asked for its kinds.
    [`${name}:monitoring`]: { objects: false },
    // So that a stack can be destroyed.
    [`${name}:deleteImages`]: true,
    // Without the code of the token service, whose bundling takes longer than all else.
    [`${name}:image`]: 'registry.example.com/token-service:1',
    [`${name}:sources`]: [
      { slug: 'github', platform: 'github', jwksUrl: `${issuers.url}/github/.well-known/jwks` },
      { slug: 'gitlab', platform: 'gitlab', url: `${issuers.url}/gitlab` },
    ],
    [`${name}:trust`]: [{ github: { owners: [{ name: 'acme', id: '501' }] } }],
  })

  const api = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${url}/api/v3/${path}`, {
      method,
      headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  const state = async () => JSON.parse(await project.state())
  const key = await signingKey(dir, 'github')
  const ciToken = async () => {
    const claims = githubClaims({ repository: 'acme/app', ref: 'refs/heads/main' })
    return mintToken({ key, claims, audience: HOST, ttl: 300, now: Date.now() })
  }
  const exchange = async (clientId: string, scope: string, assertion: string) => {
    const response = await fetch(tokenEndpoint(url), {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        scope,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      }),
    })
    const { access_token } = (await response.json()) as { access_token?: string }
    return { status: response.status, token: access_token }
  }
  const owned = cleanUp.move()
  return {
    project,
    cluster,
    url,
    configure,
    async becomes(as) {
      const port = Number(new URL(url).port)
      await authentik.close()
      authentik = await start(as, port)
    },
    api,
    list: async (path) => ((await api('GET', path)) as { results: Row[] }).results,
    async changeSource(slug, changes) {
      const path = `sources/oauth/${slug}/`
      const { authorization_url, access_token_url, profile_url } = (await api('GET', path)) as Row
      await api('PATCH', path, { authorization_url, access_token_url, profile_url, ...changes })
    },
    resources: async () => (await state()).checkpoint.latest.resources,
    async changeState(change) {
      const { version: format, checkpoint } = await state()
      checkpoint.latest.resources = change(checkpoint.latest.resources)
      await writeFile(project.stateFile, JSON.stringify({ version: format, checkpoint }))
    },
    async push() {
      const { status, token } = await exchange(REGISTRY_NAME, PUSH_SCOPE, await ciToken())
      return token === undefined ? String(status) : JSON.stringify(decodeJwt(token).access)
    },
    async openSession() {
      const { status, token } = await exchange(SESSION_NAME, SESSION_NAME, await ciToken())
      if (token === undefined) throw new Error(`authentik answered ${status} without a session`)
      return token
    },
    registryToken: async (session) => (await exchange(REGISTRY_NAME, PUSH_SCOPE, session ?? (await ciToken()))).token,
    refuse: (...names) => kubernetes.refuse(names),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

export const PUSHED = JSON.stringify([{ type: 'repository', name: 'acme/app', actions: ['pull', 'push'] }])
