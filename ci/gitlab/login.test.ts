/**
 * The component, run by gitlab-ci-local with stubs of the builders, and its script by a shell that has only what POSIX
 * requires.
 */
import { execFile } from 'node:child_process'
import { glob, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { answerJson } from '../../test/fake-upstream.ts'
import { runGitlabCiLocal } from '../../test/gitlab-ci-local.ts'
import { answering } from '../github/action.fixture.ts'

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'
const SESSION = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJiIn0.c2lnbmF0dXJl'
const session = answerJson(200, { token: 'x', refresh_token: SESSION })
const revoked = answerJson(200, {})
const template = await readFile(join(import.meta.dirname, 'templates/login.yml'), 'utf8')
const functions: string = parseAllDocuments(template, { logLevel: 'silent' })[1]?.getIn([
  '.registry-login-shell',
  'script',
  0,
]) as string

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gitlab-login-'))
  await mkdir(join(folder, 'bin'))
  // What the builders are called with, and which login they find.
  const stub = `#!/bin/sh
printf '%s %s\\n' "$(basename "$0")" "$*" >> "${folder}/calls"
cp "$DOCKER_CONFIG/config.json" "${folder}/config"; [ "$REGISTRY_AUTH_FILE" = "$DOCKER_CONFIG/config.json" ] || exit 8
[ "$1" != push ] || [ -z "$STUB_FAILS" ] || exit 7
`
  for (const tool of ['docker', 'buildah']) await writeFile(join(folder, 'bin', tool), stub, { mode: 0o755 })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const pipeline = (registry: string, variant: string, more = '') => `\
include:
  - local: login.yml
    inputs: { registry: "${registry}", audience: registry.example.com${more} }
push-image:
  extends: .registry-push-with-${variant}
`
/** The service is a Docker engine, for which a stub of the client has no use. */
const files = { 'login.yml': template.replace('  services:\n    - docker:29-dind\n', '') }
const run = (registry: string, variant = 'docker', env: Record<string, string> = {}, more = '') =>
  runGitlabCiLocal(
    folder,
    pipeline(registry, variant, more),
    ['--force-shell-executor', '--variable', `REGISTRY_TOKEN=${TOKEN}`, 'push-image'],
    env,
    files,
  )

it('passes shellcheck as POSIX shell', async () => {
  const file = join(folder, 'login.sh')
  await writeFile(file, `${functions}\nregistry_login && registry_logout\n`)
  await promisify(execFile)('shellcheck', ['--shell=sh', file])
})

it("passes GitLab's schema, and needs a registry", async () => {
  const good = await runGitlabCiLocal(folder, pipeline('registry.example.com', 'docker'), ['--list'], {}, files)
  expect(good.code, good.printed).toBe(0)
  expect(good.printed).toContain('push-image')
  const missing = pipeline('x', 'docker').replace(/registry: "x", /, '')
  const bad = await runGitlabCiLocal(folder, missing, ['--list'], {}, files)
  expect(bad.code, bad.printed).not.toBe(0)
})

describe.each(['docker', 'buildah'])('a job with %s', (variant) => {
  it('trades its token for a session, pushes with it, and ends it', async () => {
    await using registry = await answering(session, revoked)
    const { code, printed } = await run(registry.host, variant)
    expect(code, printed).toBe(0)
    expect(registry.asked.map(({ url, method }) => `${method} ${url}`)).toEqual(['POST /token', 'POST /revoke'])
    expect(Object.fromEntries(registry.asked[0]?.form ?? [])).toMatchObject({
      grant_type: 'password',
      username: 'JWT',
      password: TOKEN,
      access_type: 'offline',
    })
    expect(registry.asked[1]?.form.get('token')).toBe(SESSION)
    const calls = (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n')
    expect(calls[0]).toMatch(new RegExp(`^${variant} build --tag ${registry.host}/acme/my-app:[0-9a-f]{8} \\.$`))
    expect(calls[1]).toMatch(new RegExp(`^${variant} push ${registry.host}/acme/my-app:[0-9a-f]{8}$`))
    const auth = Buffer.from(`JWT:${SESSION}`).toString('base64')
    expect(JSON.parse(await readFile(join(folder, 'config'), 'utf8'))).toEqual({
      auths: { [registry.host]: { auth, identitytoken: SESSION } },
    })
    expect(await leftLogins()).toEqual([])
    expect(printed).not.toContain(SESSION)
  })
})

describe('a job', () => {
  it('that fails ends its session too', async () => {
    await using registry = await answering(session, revoked)
    const { code } = await run(registry.host, 'docker', { STUB_FAILS: 'yes' })
    expect(code).not.toBe(0)
    expect(registry.asked.at(-1)?.url).toBe('/revoke')
    expect(await leftLogins()).toEqual([])
  })

  it('waits while the registry is busy, and goes on if the session cannot be revoked', async () => {
    await using registry = await answering(answerJson(503, {}), session, answerJson(404, {}))
    const { code, printed } = await run(registry.host)
    expect(code, printed).toBe(0)
    expect(printed).toContain('gives no session yet (status 503)')
    expect(printed).toContain('could not be revoked (status 404)')
  })

  it("repeats the registry's sentence where it refuses, and asks once", async () => {
    const errors = [{ code: 'UNAUTHORIZED', message: 'no rule of source "gitlab" matches' }]
    await using registry = await answering(answerJson(401, { errors }))
    const { code, printed } = await run(registry.host)
    expect(code).not.toBe(0)
    expect(printed).toContain('refuses this job (status 401): no rule of source "gitlab" matches')
    expect(registry.asked).toHaveLength(1)
    expect(await leftLogins()).toEqual([])
  })

  it("keeps the job's own token where it is asked for that", async () => {
    await using registry = await answering(revoked)
    const { code, printed } = await run(registry.host, 'docker', {}, ', credential: token')
    expect(code, printed).toBe(0)
    expect(registry.asked).toEqual([])
    const auth = Buffer.from(`JWT:${TOKEN}`).toString('base64')
    expect(JSON.parse(await readFile(join(folder, 'config'), 'utf8'))).toEqual({ auths: { [registry.host]: { auth } } })
  })

  it('says so where GitLab gave no token', async () => {
    const args = ['--force-shell-executor', '--variable', 'REGISTRY_TOKEN=', 'push-image']
    const { code, printed } = await runGitlabCiLocal(folder, pipeline('127.0.0.1:1', 'docker'), args, {}, files)
    expect(code).not.toBe(0)
    expect(printed).toContain('GitLab gave this job no token')
  })
})

describe.each(['curl', 'wget'])('in an image with dash and %s alone', (client) => {
  it('the functions log in, through a busy moment, and out', async () => {
    await using registry = await answering(answerJson(503, {}), session, revoked)
    const tools = ['base64', 'cat', 'dash', 'mkdir', 'rm', 'sed', 'sleep', 'tail', 'timeout', 'tr', client]
    for (const tool of tools) {
      const { stdout } = await promisify(execFile)('sh', ['-c', `command -v ${tool}`])
      await symlink(stdout.trim(), join(folder, 'bin', `${tool}`))
    }
    const script = `set -e\n${functions}\nregistry_login\ncat "$DOCKER_CONFIG/config.json"\nregistry_logout\n`
    const { stdout } = await promisify(execFile)(join(folder, 'bin/dash'), ['-c', script], {
      env: {
        PATH: join(folder, 'bin'),
        REGISTRY: registry.host,
        REGISTRY_CREDENTIAL: 'session',
        REGISTRY_TOKEN: TOKEN,
        CI_PROJECT_PATH: 'Acme/My-App',
        CI_COMMIT_SHORT_SHA: '01234567',
        DOCKER_CONFIG: join(folder, 'login'),
      },
    })
    expect(stdout).toContain(`"identitytoken":"${SESSION}"`)
    expect(stdout).toContain('is over')
    expect(registry.asked.map(({ url }) => url)).toEqual(['/token', '/token', '/revoke'])
    expect(registry.asked[1]?.form.get('password')).toBe(TOKEN)
    expect(await leftLogins()).toEqual([])
  })
})

/** Files named as a login is, anywhere below the folder. */
async function leftLogins(): Promise<string[]> {
  const found: string[] = []
  for await (const file of glob('**/{config.json,request,answer}', { cwd: folder })) found.push(file)
  return found
}
