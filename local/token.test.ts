import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { publicKeys, signingKey } from './issuers/keys.ts'
import { token } from './token.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'token-'))
})
afterAll(() => rm(directory, { recursive: true }))

const claimsOf = async (...args: string[]) => decodeJwt((await token(args, directory, NOW)).trim())

test('github: claims, audience and life by default', async () => {
  const claims = await claimsOf('github', '--repository', 'acme/app')
  expect(claims).toMatchObject({ repository: 'acme/app', ref: 'refs/heads/main', aud: 'localhost:15000' })
  expect((claims.exp ?? 0) - NOW / 1000).toBe(300)
})

test('gitlab: claims, audience and life by default', async () => {
  const claims = await claimsOf('gitlab', '--project', 'acme/app')
  expect(claims).toMatchObject({
    iss: 'http://issuers.outside-world.svc.cluster.local:9080/gitlab',
    sub: 'project_path:acme/app:ref_type:branch:ref:main',
  })
  expect((claims.exp ?? 0) - NOW / 1000).toBe(3600)
})

test.each([
  [['--ttl', '-60'], -60],
  [['--ttl=-60'], -60],
  [['--ttl', '10'], 10],
])('%j is how long it lives', async (args, seconds) => {
  expect(((await claimsOf('github', '--repository', 'acme/app', ...args)).exp ?? 0) - NOW / 1000).toBe(seconds)
})

test('--claims goes over everything else, --audience names whom it is for', async () => {
  const claims = await claimsOf(
    ...['github', '--repository', 'acme/app', '--audience', 'other'],
    ...['--claims', '{"ref_protected":"false","environment":"prod","iss":"https://evil.example"}'],
  )
  expect(claims).toMatchObject({
    aud: 'other',
    ref_protected: 'false',
    environment: 'prod',
    iss: 'https://evil.example',
    repository: 'acme/app',
  })
})

test('it is signed by the platform’s own key', async () => {
  const jwt = (await token(['gitlab', '--project', 'acme/app'], directory, Date.now())).trim()
  const keys = async (platform: 'github' | 'gitlab') =>
    createLocalJWKSet(publicKeys(await signingKey(directory, platform)))
  await jwtVerify(jwt, await keys('gitlab'))
  await expect(jwtVerify(jwt, await keys('github'))).rejects.toThrow('no applicable key')
})

test('--keys prints the public keys by which it is verified, and nothing private', async () => {
  const { keys } = JSON.parse(await token(['github', '--keys'], directory, NOW))
  const jwt = (await token(['github', '--repository', 'acme/app'], directory, Date.now())).trim()
  await jwtVerify(jwt, createLocalJWKSet({ keys }), { currentDate: new Date() })
  expect(keys.map((key: object) => 'd' in key)).toEqual([false])
})

test.each([
  [[], 'expected "github" or "gitlab", got ""'],
  [['bitbucket'], 'got "bitbucket"'],
  [['github'], '--repository is needed'],
  [['github', '--repository', 'acme'], '--repository is needed, such as --repository acme/app; got "acme"'],
  [['github', '--repository', 'acme/app', '--ref', 'main'], 'a full ref'],
  [['github', '--project', 'acme/app'], '--project is for gitlab'],
  [['gitlab', '--repository', 'acme/app'], '--repository is for github'],
  [['github', '--repository', 'acme/app', '--ttl', 'soon'], '--ttl is a number of seconds'],
  [['github', '--repository', 'acme/app', '--claims', '[]'], '--claims is a JSON object'],
  [['github', '--repository', 'acme/app', '--nope'], '--nope'],
])('%j is refused: %s', async (args, message) => {
  await expect(token(args, directory, NOW)).rejects.toThrow(message)
})

const run = (...args: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, 'token.ts'), ...args], {
    env: { ...process.env, PASSWORDLESS_REGISTRY_STATE: directory },
    encoding: 'utf8',
  })

test('the command prints the JWT alone', () => {
  const { status, stdout, stderr } = run('github', '--repository', 'acme/app')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(/^ey[\w-]+\.ey[\w-]+\.[\w-]+\n$/)
})

test('the command ends with 2 and says why when it is used wrongly', () => {
  const { status, stdout, stderr } = run('github')
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toBe(
    'npm run token: --repository is needed, such as --repository acme/app; got none\n' +
      'npm run token -- --help says more.\n',
  )
})

test('--help explains every option', () => {
  const { status, stdout } = run('--help')
  expect(status).toBe(0)
  for (const option of ['repository', 'project', 'ref', 'audience', 'ttl', 'claims']) {
    expect(stdout).toContain(`--${option}`)
  }
})
