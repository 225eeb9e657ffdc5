/** A job that builds with BuildKit: the session of its login pushes image and cache when its CI token is long dead. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BuildKit, startBuildKit } from './buildkit.ts'
import { type Docker, startDocker } from './docker.ts'
import { jobToken, registry, SHORT_LIFE_SECONDS, untilExpired } from './job.ts'
import { askToken, job } from './token-client.ts'

let folder: string
let docker: Docker
let buildkit: BuildKit

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'buildkit-test-'))
  await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY hello /hello\n')
  await writeFile(join(folder, 'hello'), 'hello\n')
  docker = await startDocker()
  buildkit = await startBuildKit(registry)
  const jwt = await jobToken('github', 'acme/app', '--ttl', String(SHORT_LIFE_SECONDS))
  const login = await docker.run(['login', registry, '--username', 'JWT', '--password-stdin'], jwt)
  expect(login.stdout).toContain('Login Succeeded')
  await untilExpired(jwt)
  expect(await askToken(job(jwt))).toMatchObject({ status: 401 })
})
afterAll(async () => {
  await buildkit?.[Symbol.asyncDispose]()
  await docker?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

it('the login kept a session in place of the CI token', async () => {
  const { auths } = JSON.parse(await readFile(join(docker.config, 'config.json'), 'utf8'))
  expect(auths[registry].identitytoken).toMatch(/^eyJ/)
  expect(Buffer.from(auths[registry].auth ?? '', 'base64').toString()).not.toContain('eyJ')
})

it('builds, pushes the image and exports the cache', async () => {
  const image = `${registry}/acme/app:buildkit`
  const cache = `${registry}/acme/app/cache:buildkit`
  const built = await buildkit.build(folder, docker.config, { image, cache })
  expect(built.stderr).not.toMatch(/ERROR/)
  expect(built.exitCode).toBe(0)
  for (const reference of [image, cache]) {
    expect((await docker.run(['manifest', 'inspect', '--insecure', reference])).stdout).toContain('"digest"')
  }
})

it('may not push to a repository of somebody else', async () => {
  const image = `${registry}/stranger/app:buildkit`
  const built = await buildkit.build(folder, docker.config, { image, cache: `${registry}/stranger/app:cache` })
  expect(built.exitCode).not.toBe(0)
  expect(built.stderr).toMatch(/failed to fetch oauth token: .* 401 Unauthorized/)
})
