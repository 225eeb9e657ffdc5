/** A push without Kubernetes: every server of it on this machine, and a real client. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REGISTRY_NAME, SESSION_NAME } from '../../infra/authentik/names.ts'
import { isSince } from '../../local/authentik/version.ts'
import type { TokenServiceProcess } from '../token-service.ts'
import type { SetUp } from './authentik-objects.ts'
import { authentikVersion } from './authentik-version.ts'
import { cranePush } from './crane.ts'
import { type PushPath, startPushPath } from './push-path.ts'
import { type Login, skopeoCopy } from './skopeo.ts'

/** So long the token service may give an answer of authentik's again. */
const CACHE_MS = 2_000

const trusted = { repository: 'acme/app', ref: 'refs/heads/main' }
const reader = { repository: 'partner/reader', ref: 'refs/heads/main' }
const stranger = { repository: 'evil/app', ref: 'refs/heads/main' }
const rules = [
  { github: { owners: [{ name: 'acme', id: '501' }] } },
  { source: 'github', claims: { repository: 'partner/reader' }, pull: 'acme/**' },
]

let path: PushPath
let dir: string
let image: string
let host: string
let objects: SetUp
let service: TokenServiceProcess
let login: PushPath['login']

beforeAll(async () => {
  path = await startPushPath(rules, CACHE_MS)
  ;({ dir, image, host, objects, service, login } = path)
})
afterAll(() => path?.[Symbol.asyncDispose]())

async function digestOf(layout: string): Promise<string> {
  return JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')).manifests[0].digest
}

const push = async (name: string, as: Login | undefined) =>
  skopeoCopy(`oci:${image}:latest`, `docker://${host}/${name}:1`, as)

describe('a job that is trusted', () => {
  it('pushes with its token alone, and pulls the same image back', async () => {
    expect(await push('acme/app', await login(trusted))).toEqual({ code: 0, message: '' })
    const back = join(dir, 'pulled')
    const pulled = await skopeoCopy(`docker://${host}/acme/app:1`, `oci:${back}:latest`, await login(trusted))
    expect(pulled).toEqual({ code: 0, message: '' })
    expect(await digestOf(back)).toBe(await digestOf(image))
  })

  it('is named by its registry token, by the CI token and by the session alike', async () => {
    const { refresh_token } = await path.dockerLogin(trusted)
    const scope = 'repository:acme/app:pull'
    const { password } = await login(trusted)
    const forms = [
      { grant_type: 'password', username: 'JWT', password, scope },
      { grant_type: 'refresh_token', refresh_token, scope },
    ]
    for (const form of forms) {
      const body = new URLSearchParams({ service: REGISTRY_NAME, ...form })
      const answer = (await (await fetch(`${service.url}/token`, { method: 'POST', body })).json()) as { token: string }
      expect(decodeJwt(answer.token).sub).toMatch(/^github:acme\/app@refs\/heads\/main#\d+\/\d+;rules=1$/)
    }
    expect(decodeJwt(refresh_token).sub).not.toContain('acme')
  })

  it('that may only pull does that and no more', async () => {
    const pulled = await skopeoCopy(
      `docker://${host}/acme/app:1`,
      `oci:${join(dir, 'read')}:latest`,
      await login(reader),
    )
    expect(pulled).toEqual({ code: 0, message: '' })
    const pushed = await push('acme/app', await login(reader))
    expect(pushed.code).not.toBe(0)
    expect(pushed.message).toContain('push to "acme/app" is not granted; no rule lets this token push anything')
  })
})

describe('a session', () => {
  /** Seconds that a CI token lives here: enough to log in with. */
  const SHORT_LIFE_SECONDS = 5

  async function dockerLogin(ttl?: number) {
    const answer = await path.dockerLogin(trusted, ttl)
    return { ...answer, kept: { host, identityToken: answer.refresh_token } }
  }

  /** As an administrator of authentik does it. */
  async function deleteInAuthentik(session: string) {
    const { results } = await objects.api.call<{ results: { pk: number; id_token: string }[] }>(
      'GET',
      'oauth2/access_tokens/?page_size=100',
    )
    const held = results.find(({ id_token }) => JSON.parse(id_token).jti === decodeJwt(session).jti)
    await objects.api.call('DELETE', `oauth2/access_tokens/${held?.pk}/`)
  }

  it('is what docker login gets, also as the token with which it tries the registry', async () => {
    const { token, refresh_token } = await dockerLogin()
    const response = await fetch(`http://${host}/v2/`, { headers: { authorization: `Bearer ${token}` } })
    expect(response.status).toBe(200)
    expect(token).toBe(refresh_token)
    expect(decodeJwt(refresh_token)).toMatchObject({ aud: [SESSION_NAME, REGISTRY_NAME], access: [] })
  })

  it('pushes when the CI token is dead, and only where the CI token could', async () => {
    const { password, kept } = await dockerLogin(SHORT_LIFE_SECONDS)
    await sleep((SHORT_LIFE_SECONDS + 1) * 1000)
    const dead = await push('acme/app', { host, username: 'JWT', password })
    expect(dead.message).toMatch(/The CI token is refused: expired \d s ago/)

    expect(await push('acme/app', kept)).toEqual({ code: 0, message: '' })
    expect(await cranePush(image, `${host}/acme/app:crane`, kept)).toMatchObject({ code: 0 })

    const denied = await push('acme/other', kept)
    expect(denied.code).not.toBe(0)
    expect(denied.message).toContain('push to "acme/other" is not granted; the rules let this token push to "acme/app"')
  })

  it('ends when it is deleted in authentik, as soon as the cache has to ask, and the client sees it', async () => {
    const { refresh_token, kept } = await dockerLogin()
    expect(await push('acme/app', kept)).toEqual({ code: 0, message: '' })
    await deleteInAuthentik(refresh_token)
    await sleep(CACHE_MS)
    const { code, message } = await push('acme/app', kept)
    expect(code).not.toBe(0)
    expect(message).toContain('the session was revoked or its user deactivated; log in again')
    expect(service.output()).toContain('"disagreement":"authentik_refuses"')
  })

  it('ends when its holder revokes it: here at once, at authentik, and no secret was needed', async () => {
    const { refresh_token, kept } = await dockerLogin()
    expect(await push('acme/app', kept)).toEqual({ code: 0, message: '' })
    const stillGood = await dockerLogin()
    // As docs/pushing.md has it.
    const page = await readFile(join(import.meta.dirname, '../../docs/pushing.md'), 'utf8')
    const [, command = ''] = /^(printf 'token=%s' .*)$/m.exec(page) ?? []
    const revoke = (SESSION: string) =>
      promisify(execFile)('sh', ['-c', command.replace('https://registry.example.com', service.url)], {
        env: { ...process.env, SESSION },
      })
    expect(await revoke(refresh_token)).toEqual({ stdout: '{}', stderr: '' })

    const { code, message } = await push('acme/app', kept)
    expect(code).not.toBe(0)
    expect(message).toContain('it was revoked; log in again')
    expect(await path.exchange(refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' })
    // And only that one.
    expect(await push('acme/app', stillGood.kept)).toEqual({ code: 0, message: '' })
    expect(await revoke(refresh_token)).toEqual({ stdout: '{}', stderr: '' })
  })

  it('is all that a public client opens: its application gives nothing without an assertion', async () => {
    const secrets: Record<string, string>[] = [{}, { client_secret: '' }, { client_secret: 'guess' }]
    for (const secret of secrets) {
      for (const client_id of [SESSION_NAME, REGISTRY_NAME]) {
        const answer = await path.ask({ client_id, scope: SESSION_NAME, ...secret })
        expect(answer).toMatchObject({ status: 400, token: '' })
      }
    }
  })
})

describe('refused is', () => {
  it('a stranger with a good token, who can neither push nor pull', async () => {
    const pushed = await push('acme/app', await login(stranger))
    expect(pushed.code).not.toBe(0)
    expect(pushed.message).toContain('no rule of source "github" matches repository "evil/app" with ref')
    const pulled = await skopeoCopy(
      `docker://${host}/acme/app:1`,
      `oci:${join(dir, 'stolen')}:latest`,
      await login(stranger),
    )
    expect(pulled.code).not.toBe(0)
  })

  it('an expired token, and skopeo prints what to do', async () => {
    const { code, message } = await push('acme/app', await login(trusted, -60))
    expect(code).not.toBe(0)
    expect(message).toMatch(
      /expired 6\d s ago \(issued for 60 s\); this client keeps no session\. Log in again right before the push/,
    )
  })

  it('a token that the issuer did not sign', async () => {
    const genuine = await login(trusted)
    const [header, claims] = genuine.password.split('.')
    const forged = { ...genuine, password: `${header}.${claims}.${Buffer.alloc(256).toString('base64url')}` }
    const { code, message } = await push('acme/app', forged)
    expect(code).not.toBe(0)
    expect(message).toContain(
      'authentik refused what the rules here allow: the signature is not by a key that it holds',
    )
  })

  it('whoever is not logged in', async () => {
    const { code, message } = await push('acme/app', undefined)
    expect(code).not.toBe(0)
    expect(message).toContain('Log in first')
  })

  it('a job whose "sub" is too long for authentik before 2026.5, which cuts it since', async () => {
    const long = { repository: `acme/${'x'.repeat(140)}`, ref: 'refs/heads/main' }
    const { code, message } = await push(long.repository, await login(long))
    if (isSince('2026.5', authentikVersion)) expect({ code, message }).toEqual({ code: 0, message: '' })
    else expect(message).toContain('have more than 150 characters together')
  })
})
