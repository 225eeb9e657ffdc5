/** CI jobs at the running system, with the clients that they use. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, logIn } from '../../local/proof/clients.ts'
import { makeImage, manifestDigest } from '../../local/proof/image.ts'
import { type Docker, startDocker } from './docker.ts'
import { jobToken, registry, SHORT_LIFE_SECONDS, untilExpired } from './job.ts'
import { askToken, job } from './token-client.ts'

const image = { layers: 2, bytes: 200_000 }
let work: string
let layout: string

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'push-test-'))
  layout = await makeImage(image)
})
afterAll(async () => {
  for (const dir of [work, layout]) await rm(dir, { recursive: true, force: true })
})

describe('docker', () => {
  const reference = `${registry}/acme/app:docker`
  let docker: Docker
  beforeAll(async () => {
    docker = await startDocker({ layout, reference })
  })
  afterAll(() => docker[Symbol.asyncDispose]())

  const logInWith = (jwt: string) => docker.run(['login', registry, '--username', 'JWT', '--password-stdin'], jwt)

  it('logs in with a GitHub token, pushes, removes its copy and pulls the same image', async () => {
    expect((await logInWith(await jobToken('github', 'acme/app'))).stdout).toContain('Login Succeeded')
    const pushed = await docker.run(['push', reference])
    expect(pushed.stderr).toBe('')
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(pushed.stdout)?.[1]
    expect(digest).toBeDefined()
    await docker.run(['image', 'rm', reference])
    expect((await docker.run(['pull', reference])).stdout).toContain(`Digest: ${digest}`)
  })

  it('mounts a layer that another repository has', async () => {
    await logInWith(await jobToken('gitlab', 'acme/app'))
    const other = `${registry}/acme/app/other:docker`
    await docker.run(['tag', reference, other])
    expect((await docker.run(['push', other])).stdout).toMatch(/Mounted from acme\/app/)
  })

  it('sees why an expired token is refused', async () => {
    const login = await logInWith(await jobToken('github', 'acme/app', '--ttl', '-60'))
    expect(login.exitCode).not.toBe(0)
    expect(login.stderr).toMatch(/unauthorized: .*expired/)
  })

  it('sees at the login that no rule matches a stranger', async () => {
    const login = await logInWith(await jobToken('github', 'stranger/app'))
    expect(login.exitCode).not.toBe(0)
    expect(login.stderr).toMatch(/no rule of source "github" matches .*stranger\/app/)
  })

  describe('when the CI token of its login is dead', () => {
    beforeAll(async () => {
      const jwt = await jobToken('github', 'acme/app', '--ttl', String(SHORT_LIFE_SECONDS))
      expect((await logInWith(jwt)).stdout).toContain('Login Succeeded')
      await untilExpired(jwt)
      expect((await askToken(job(jwt))).status).toBe(401)
    })

    it('still pushes', async () => {
      const late = `${registry}/acme/app:late`
      await docker.run(['tag', reference, late])
      const pushed = await docker.run(['push', late])
      expect(pushed.stderr).toBe('')
      expect(pushed.stdout).toMatch(/digest: sha256:/)
    })

    it('sees why it may not push to another repository', async () => {
      const stranger = `${registry}/stranger/app:docker`
      await docker.run(['tag', reference, stranger])
      const pushed = await docker.run(['push', stranger])
      expect(pushed.exitCode).not.toBe(0)
      expect(pushed.stderr).toMatch(/denied: push to "stranger\/app" is not granted/)
    })
  })

  it('may not pull without logging in', async () => {
    await docker.run(['logout', registry])
    const pulled = await docker.run(['pull', `${registry}/acme/app:docker`])
    expect(pulled.exitCode).not.toBe(0)
    expect(pulled.stderr).toMatch(/unauthorized/)
  })
})

describe.each(['skopeo', 'crane'] as const)('%s', (name) => {
  it.each([
    ['github', 'acme/app'],
    ['gitlab', 'acme/app'],
  ] as const)('pushes with a %s token and pulls the same image', async (platform, repository) => {
    await using client = await logIn(name, registry, await jobToken(platform, repository))
    const reference = `acme/app:${name}-${platform}`
    const back = join(work, `${name}-${platform}`)
    expect((await client.push(layout, reference)).stderr).not.toMatch(/denied|unauthorized/i)
    expect((await client.pull(reference, back)).exitCode).toBe(0)
    expect(await manifestDigest(back)).toBe(await manifestDigest(layout))
  })

  it('may neither push nor pull with the token of a stranger', async () => {
    await using client = await logIn(name, registry, await jobToken('gitlab', 'stranger/app'))
    await expectRefused(client.push(layout, 'acme/app:stolen'))
    await expectRefused(client.pull('acme/app:skopeo-github', join(work, 'stolen')))
  })
})

async function expectRefused(attempt: ReturnType<Client['push']>): Promise<void> {
  const { exitCode, stderr } = await attempt
  expect(exitCode).not.toBe(0)
  expect(stderr).toMatch(/denied|unauthorized/i)
}

describe('the registry itself', () => {
  const call = (path: string, jwt?: string) =>
    fetch(`http://${registry}${path}`, jwt === undefined ? {} : { headers: { authorization: `Bearer ${jwt}` } })

  it('refuses requests without a token, and says where to get one', async () => {
    const { status, headers } = await call('/v2/')
    expect(status).toBe(401)
    expect(headers.get('www-authenticate')).toBe(`Bearer realm="http://${registry}/token",service="docker-registry"`)
  })

  it.each(['unsigned', 'a CI token itself'])('refuses %s as registry token', async (kind) => {
    const jwt = await jobToken('github', 'acme/app')
    const [, payload] = jwt.split('.')
    const unsigned = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${payload}.`
    expect((await call('/v2/', kind === 'unsigned' ? unsigned : jwt)).status).toBe(401)
  })

  it('does not list its repositories to a job that may push', async () => {
    const jwt = await jobToken('github', 'acme/app')
    const answer = await fetch(`http://${registry}/token?service=docker-registry&scope=registry:catalog:*`, {
      headers: { authorization: `Basic ${Buffer.from(`JWT:${jwt}`).toString('base64')}` },
    })
    expect(answer.status).toBe(401)
    expect(await answer.text()).toContain('no rule lets this token list the repositories')
  })
})
