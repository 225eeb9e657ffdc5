import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { answerJson } from '../../test/fake-upstream.ts'
import { answering, startJob } from './action.fixture.ts'

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'
const SESSION = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJiIn0.c2lnbmF0dXJl'
const BEARER = 'the-runner-s-own-secret'
const given = answerJson(200, { value: TOKEN })
const session = answerJson(200, { token: 'x', access_token: 'x', refresh_token: SESSION })
const hang: RequestListener = () => {}

/** A job, GitHub's endpoint and a registry that answer as a test sets them. */
async function job({
  github = [given],
  registry = [session],
  env = {},
}: Partial<Record<'github' | 'registry', RequestListener[]>> & { env?: Record<string, string | undefined> } = {}) {
  const stack = new AsyncDisposableStack()
  const endpoint = stack.use(await answering(...github))
  const server = stack.use(await answering(...registry))
  const runner = stack.use(
    await startJob({
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://${endpoint.host}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: BEARER,
      ...env,
    }),
  )
  const main = async (inputs: Record<string, string> = {}) => {
    const step = await runner.main({ registry: server.host, ...inputs })
    // Secrets are printed only to be masked.
    expect(step.printed.replaceAll(/^::add-mask::.*$/gm, '')).not.toMatch(new RegExp(`${TOKEN}|${SESSION}|${BEARER}`))
    return step
  }
  return { ...runner, main, endpoint, server, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

describe.concurrent('the step', () => {
  it('trades the token of the job for a session, and keeps it where only this job finds it', async () => {
    await using at = await job()
    const { code, printed, outputs, variables } = await at.main()
    expect(printed).toContain('Logged in')
    expect(code).toBe(0)
    expect(at.endpoint.asked.map(({ url }) => url)).toEqual([
      `/token?api-version=2.0&audience=${encodeURIComponent(at.server.host)}`,
    ])
    expect(at.endpoint.asked[0]?.headers.authorization).toBe(`Bearer ${BEARER}`)
    expect(at.server.asked).toHaveLength(1)
    expect(at.server.asked[0]).toMatchObject({ url: '/token', method: 'POST' })
    expect(Object.fromEntries(at.server.asked[0]?.form ?? [])).toMatchObject({
      grant_type: 'password',
      username: 'JWT',
      password: TOKEN,
      access_type: 'offline',
    })
    expect(outputs).toEqual({ registry: at.server.host, image: `${at.server.host}/acme/app` })
    const file = variables.REGISTRY_AUTH_FILE ?? ''
    expect(file).toBe(join(variables.DOCKER_CONFIG ?? '', 'config.json'))
    expect(variables.DOCKER_CONFIG?.startsWith(at.temp)).toBe(true)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(variables.DOCKER_CONFIG ?? '')).mode & 0o777).toBe(0o700)
    const auth = Buffer.from(`JWT:${SESSION}`).toString('base64')
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      auths: { [at.server.host]: { auth, identitytoken: SESSION } },
    })
    for (const secret of [TOKEN, SESSION, auth]) expect(printed).toContain(`::add-mask::${secret}\n`)
  })

  it('keeps the logins at other registries and the builders that were there before', async () => {
    await using at = await job()
    await mkdir(join(at.folder, '.docker/buildx'), { recursive: true })
    const before = {
      auths: { 'docker.io': { auth: 'b3RoZXI=' } },
      credsStore: 'desktop',
      credHelpers: { 'other.example.com': 'helper', [at.server.host]: 'helper' },
    }
    await writeFile(join(at.folder, '.docker/config.json'), JSON.stringify(before))
    const { variables } = await at.main()
    expect(variables.BUILDX_CONFIG).toBe(join(at.folder, '.docker/buildx'))
    const file = JSON.parse(await readFile(variables.REGISTRY_AUTH_FILE ?? '', 'utf8'))
    expect(Object.keys(file.auths)).toEqual(['docker.io', at.server.host])
    expect(file.credHelpers).toEqual({ 'other.example.com': 'helper' })
    expect(file).not.toHaveProperty('credsStore')
  })

  it('asks for another audience', async () => {
    await using at = await job()
    await at.main({ audience: 'https://registry.example.com/x?y=1' })
    expect(new URL(at.endpoint.asked[0]?.url ?? '', 'http://x').searchParams.get('audience')).toBe(
      'https://registry.example.com/x?y=1',
    )
  })

  it("writes the job's own token where it is asked for that, and asks the registry nothing", async () => {
    await using at = await job()
    const { code, variables } = await at.main({ credential: 'token' })
    expect(code).toBe(0)
    expect(at.server.asked).toEqual([])
    const auth = Buffer.from(`JWT:${TOKEN}`).toString('base64')
    const file = JSON.parse(await readFile(variables.REGISTRY_AUTH_FILE ?? '', 'utf8'))
    expect(file.auths).toEqual({ [at.server.host]: { auth } })
  })

  it('warns where the registry gives no sessions', async () => {
    await using at = await job({ registry: [answerJson(200, { token: 'x' })] })
    const { code, printed } = await at.main()
    expect(code).toBe(0)
    expect(printed).toMatch(/^::warning::.* gives no sessions/m)
  })

  it('waits while the registry is busy', async () => {
    await using at = await job({ registry: [answerJson(503, {}), session] })
    const { code, printed } = await at.main()
    expect(code).toBe(0)
    expect(at.server.asked).toHaveLength(2)
    expect(printed).toContain('gives no session yet (status 503); asking again in 2 s')
  })

  it.each([
    ['403, 403', [answerJson(403, {}), answerJson(403, {}), given], 3],
    ['500', [answerJson(500, {}), given], 2],
    ['a hang', [hang, given], 2],
    ['no token', [answerJson(200, { value: 'with\nname=evil' }), given], 2],
  ])('asks GitHub again after %s', async (_, github, times) => {
    await using at = await job({ github })
    const { code } = await at.main()
    expect(code).toBe(0)
    expect(at.endpoint.asked).toHaveLength(times)
  })

  it('fails after five answers without a token, and says what to check', async () => {
    await using at = await job({ github: [answerJson(500, {})] })
    const { code, printed, outputs } = await at.main()
    expect(code).toBe(1)
    expect(outputs).toEqual({})
    expect(at.endpoint.asked).toHaveLength(5)
    expect(printed).toMatch(/^::error::GitHub gave this job no token in 5 tries; .*status 500.*id-token: write/m)
  })

  it('says which permission is missing', async () => {
    await using at = await job({ env: { ACTIONS_ID_TOKEN_REQUEST_URL: undefined } })
    const { code, printed } = await at.main()
    expect(code).toBe(1)
    expect(printed).toMatch(/^::error::This job may not ask GitHub for a token\. Give it `permissions/m)
  })

  it("repeats the registry's sentence where it refuses, and asks once", async () => {
    const refused = { errors: [{ code: 'UNAUTHORIZED', message: 'no rule of source "github" matches' }] }
    await using at = await job({ registry: [answerJson(401, refused)] })
    const { code, printed } = await at.main()
    expect(code).toBe(1)
    expect(at.server.asked).toHaveLength(1)
    expect(printed).toMatch(/^::error::.* refuses this job: no rule of source "github" matches$/m)
  })

  it.each([
    ['registry', 'https://registry.example.com', 'use the public name alone'],
    ['registry', 'registry.example.com/path', 'use the public name alone'],
    ['registry', 'user@registry.example.com', 'use the public name alone'],
    ['credential', 'password', 'use session or token'],
  ])('refuses the input %s: %s', async (name, value, words) => {
    await using at = await job()
    const { code, printed } = await at.main({ [name]: value })
    expect(code).toBe(1)
    expect(printed).toContain(words)
    expect(at.endpoint.asked).toEqual([])
  })

  it('does not follow a redirect with a credential', async () => {
    await using elsewhere = await answering(session)
    const away: RequestListener = (_, response) =>
      response.writeHead(307, { location: `http://${elsewhere.host}/token` }).end()
    await using at = await job({ registry: [away] })
    const { code } = await at.main()
    expect(code).toBe(1)
    expect(elsewhere.asked).toEqual([])
  })
})

describe.concurrent('the post step', () => {
  it('revokes the session and leaves nothing on the runner', async () => {
    await using at = await job({ registry: [session, answerJson(200, {})] })
    await at.main()
    const { code, printed } = await at.post()
    expect(code).toBe(0)
    expect(printed).toContain('is over')
    expect(at.server.asked[1]).toMatchObject({ url: '/revoke', method: 'POST' })
    expect(at.server.asked[1]?.form.get('token')).toBe(SESSION)
    expect(await readdir(at.temp)).toEqual([])
  })

  it('warns where the session cannot be revoked, and does not fail the job', async () => {
    await using at = await job({ registry: [session, answerJson(404, {})] })
    await at.main()
    const { code, printed } = await at.post()
    expect(code).toBe(0)
    expect(printed).toMatch(/^::warning::.*could not be revoked \(status 404\)/m)
    expect(await readdir(at.temp)).toEqual([])
  })

  it('tries again where the registry does not answer', async () => {
    await using at = await job({ registry: [session, answerJson(503, {}), answerJson(200, {})] })
    await at.main()
    await at.post()
    expect(at.server.asked).toHaveLength(3)
  })

  it('has nothing to revoke after a login that failed, and takes the folder away', async () => {
    await using at = await job({ registry: [answerJson(401, {})] })
    await at.main()
    const { code } = await at.post()
    expect(code).toBe(0)
    expect(at.server.asked).toHaveLength(1)
    expect(await readdir(at.temp)).toEqual([])
  })
})
