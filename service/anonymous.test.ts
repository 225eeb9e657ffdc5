import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answerJson } from '../test/fake-upstream.ts'
import { ci, secrets, useTokenService } from '../test/token-service-suite.ts'
import { unsignedToken } from '../test/unsigned-token.ts'

const suite = useTokenService({ started: false })

const guest = { ANON_USERNAME: 'guest', ANON_PASSWORD: secrets.anonymousPassword }
const forms = () => suite.upstream.received.map(({ form }) => Object.fromEntries(form))

describe('a client without credentials', () => {
  it.each<[string, Record<string, string>]>([
    ['nobody may be anonymous', {}],
    ['no repository is open', guest],
    ['repositories are open, but for nobody', { ANON_REPOSITORIES: '**' }],
  ])('gets nothing where %s', async (_, env) => {
    const at = await suite.start(env)
    for (const query of [
      'scope=repository:public/a:pull',
      'scope=repository:acme/app:pull,push',
      'scope=registry:catalog:*',
    ]) {
      const { status, response } = await suite.ask({}, { query, at })
      expect(status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Basic realm="token service", charset="UTF-8"')
    }
    expect(forms()).toEqual([])
  })

  it('may pull what is open, and is asked to log in for all else', async () => {
    const at = await suite.start({ ...guest, ANON_REPOSITORIES: 'public/**, acme/base' })
    for (const [query, scopes] of [
      ['scope=repository:public/a:pull', 'repository:public/a:pull'],
      ['scope=repository:public/a/b:pull,push,delete', 'repository:public/a/b:pull'],
      ['scope=repository:public/c:*', 'repository:public/c:pull'],
      ['scope=repository:acme/base:pull&scope=repository:acme/app:pull', 'repository:acme/base:pull'],
    ] as const) {
      expect((await suite.ask({}, { query, at })).status).toBe(200)
      expect(forms().at(-1)).toMatchObject({
        username: 'guest',
        password: secrets.anonymousPassword,
        scope: `docker-registry ${scopes}`,
      })
    }
    const asked = forms().length
    for (const query of [
      'scope=repository:acme/app:pull',
      'scope=repository:public/a:push',
      'scope=registry:catalog:*',
      'scope=repository(plugin):public/a:pull',
      'scope=repository:public/../acme/app:pull',
      'scope=repository:PUBLIC/a:pull',
    ]) {
      const { status, error } = await suite.ask({}, { query, at })
      expect([status, error?.detail.reason], query).toEqual([401, 'credentials_missing'])
    }
    expect(forms()).toHaveLength(asked)
  })

  it('is not who logs in: with credentials everything is asked for as it is', async () => {
    const at = await suite.start({ ...guest, ANON_REPOSITORIES: 'public/**' })
    await suite.ask(ci, { query: 'scope=repository:acme/app:pull,push', at })
    expect(forms()).toMatchObject([
      { client_assertion: secrets.ciToken, scope: 'docker-registry repository:acme/app:pull,push' },
    ])
  })

  it('does not get the token of a user by the same name and password, nor the other way round', async () => {
    const at = await suite.start({ ...guest, ANON_REPOSITORIES: 'public/**' })
    const query = 'scope=repository:public/a:pull'
    await suite.ask({}, { query, at })
    const header = `Basic ${Buffer.from(`guest:${secrets.anonymousPassword}`).toString('base64')}`
    await suite.ask({ authorization: header }, { query, at })
    expect(forms()).toHaveLength(2)
  })

  it('is told no more than that it may log in when authentik refuses', async () => {
    suite.upstream.answer = answerJson(400, { error: 'invalid_grant', error_description: secrets.quotedUpstream })
    const at = await suite.start({ ...guest, ANON_REPOSITORIES: 'public/**' })
    const { status, error } = await suite.ask({}, { query: 'scope=repository:public/a:pull', at })
    expect([status, error?.detail.reason]).toEqual([401, 'credentials_refused'])
    expect(error?.message).toMatch(/^Nothing is granted without login; log in first \(request /)
  })
})

describe('the token of the pod', () => {
  let dir: string
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'projected-'))
  })
  afterAll(() => rm(dir, { recursive: true }))

  it('is read anew when Kubernetes has replaced it, and no answer to the old one is given again', async () => {
    const path = join(dir, 'token')
    const [old, renewed] = ['old', 'renewed'].map((jti) => suite.secret(unsignedToken({ jti }))) as [string, string]
    /** As Kubernetes does it: a new folder, and a symbolic link that is swapped. */
    const project = async (name: string, token: string) => {
      await writeFile(join(dir, name), `${token}\n`)
      await symlink(name, join(dir, '..next'))
      await rename(join(dir, '..next'), path)
    }
    await project('first', old)
    const at = await suite.start({ ANON_KUBE_JWT: path, ANON_REPOSITORIES: '**' })
    const ask = () => suite.ask({}, { query: 'scope=repository:public/a:pull', at })
    for (let request = 0; request < 2; request++) expect((await ask()).status).toBe(200)
    await project('second', renewed)
    for (let request = 0; request < 2; request++) expect((await ask()).status).toBe(200)
    expect(forms().map(({ client_assertion }) => client_assertion)).toEqual([old, renewed])
    await rm(path)
    expect(await ask()).toMatchObject({ status: 503, error: { detail: { reason: 'anonymous_unavailable' } } })
    expect((await suite.ask(ci, { at })).status).toBe(200)
  })
})
