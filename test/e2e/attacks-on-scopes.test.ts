/** What a trusted job asks for: it gets what the rules grant of it and nothing else, however it is written. */
import { describe, expect, it } from 'vitest'
import { jobToken, registry } from './job.ts'
import { askAuthentik, askToken, job, logIn, refresh, sessionOf, type TokenAnswer } from './token-client.ts'

const acme = () => jobToken('github', 'acme/app')
const ask = async (...scopes: string[]): Promise<TokenAnswer> => askToken(job(await acme()), scopes)

describe('what works', () => {
  it.each([
    { name: 'a push', scopes: ['repository:acme/app:pull,push'], granted: ['repository:acme/app:pull,push'] },
    {
      name: 'actions in another order',
      scopes: ['repository:acme/app:push,pull'],
      granted: ['repository:acme/app:pull,push'],
    },
    {
      name: 'a path below the own one',
      scopes: ['repository:acme/app/cache:push'],
      granted: ['repository:acme/app/cache:push'],
    },
    {
      name: 'everything, as skopeo asks to delete',
      scopes: ['repository:acme/app:*'],
      granted: ['repository:acme/app:pull,push'],
    },
    { name: 'a trailing comma', scopes: ['repository:acme/app:pull,'], granted: ['repository:acme/app:pull'] },
    {
      name: 'the same scope twice, as kaniko asks',
      scopes: ['repository:acme/app:push,pull', 'repository:acme/app:push,pull', 'repository:acme/app:pull'],
      granted: ['repository:acme/app:pull,push'],
    },
    {
      name: 'several scopes in one parameter',
      scopes: ['repository:acme/app:pull repository:acme/app/cache:push'],
      granted: ['repository:acme/app:pull', 'repository:acme/app/cache:push'],
    },
    {
      name: 'a mount from a repository that may not be read: its scope is left out, and the push goes on',
      scopes: ['repository:acme/app:pull,push', 'repository:stranger/app:pull'],
      granted: ['repository:acme/app:pull,push'],
    },
  ])('$name', async ({ scopes, granted }) => {
    expect(await ask(...scopes)).toMatchObject({ status: 200, granted })
  })

  it('50 scopes at once', async () => {
    const scopes = Array.from({ length: 50 }, (_, number) => `repository:acme/app/part-${number}:pull,push`)
    const answer = await ask(...scopes)
    expect(answer).toMatchObject({ status: 200, granted: scopes })
  })

  it('a mount of a layer that another repository of the job has', async () => {
    const { token } = await ask('repository:acme/app:pull,push', 'repository:acme/app/copy:pull,push')
    const call = (path: string, init: RequestInit) =>
      fetch(new URL(path, `http://${registry}`), { ...init, headers: { authorization: `Bearer ${token}` } })
    const layer = new TextEncoder().encode(`layer ${Date.now()}`)
    const digest = `sha256:${Buffer.from(await crypto.subtle.digest('SHA-256', layer)).toString('hex')}`
    const upload = await call('/v2/acme/app/blobs/uploads/', { method: 'POST' })
    const location = new URL(upload.headers.get('location') ?? '', `http://${registry}`)
    location.searchParams.set('digest', digest)
    expect((await call(location.href, { method: 'PUT', body: layer })).status).toBe(201)
    const mount = `/v2/acme/app/copy/blobs/uploads/?mount=${digest}&from=acme/app`
    expect((await call(mount, { method: 'POST' })).status).toBe(201)
  })

  it('two jobs of one repository at the same time, on a branch that authentik has never seen', async () => {
    const ref = `refs/tags/parallel-${Date.now()}`
    const jobs = await Promise.all([1, 2, 3, 4].map(() => jobToken('github', 'acme/app', '--ref', ref)))
    const answers = await Promise.all(jobs.map((jwt) => logIn(jwt, ['repository:acme/app:push'])))
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 200, granted: ['repository:acme/app:push'] })
    }
  })
})

describe('asking for nothing that can be granted', () => {
  it.each([
    'repository:acme/app',
    'repository:acme/app:',
    'repository:acme/app:admin,PUSH',
    'repository(plugin):acme/app:pull',
    'repository:acme/../stranger/app:pull',
    'repository:acme//app:pull',
    'repository:Acme/App:pull',
    'repository:**:pull',
    'registry:catalog:pull',
    'openid',
  ])('%s is a token that allows nothing', async (scope) => {
    expect(await ask(scope)).toMatchObject({ status: 200, granted: [] })
    expect((await askAuthentik(await acme(), [scope])).granted).toEqual([])
  })
})

describe('a request that gets nothing is answered with a reason', () => {
  it.each([
    {
      scope: 'repository:stranger/app:pull',
      reason: /pull from "stranger\/app" is not granted; the rules let this token/,
    },
    { scope: `repository:${registry}/acme/app:pull`, reason: /pull from ".*\/acme\/app" is not granted/ },
    { scope: 'registry:catalog:*', reason: /no rule lets this token list the repositories/ },
    {
      scope: 'repository:stranger/app:pull,push',
      reason: /push to "stranger\/app" is not granted; the rules let this token push to .*acme\/app/,
    },
    { scope: 'repository:acme/application:push', reason: /push to "acme\/application" is not granted/ },
    {
      scope: 'repository:acme/app:delete',
      reason: /delete in "acme\/app" is not granted; no rule lets this token delete anything/,
    },
  ])('$scope', async ({ scope, reason }) => {
    for (const answer of [await ask(scope), await refresh(await sessionOf(await acme()), [scope])]) {
      expect(answer).toMatchObject({ status: 401, token: '' })
      expect(answer.reason).toMatch(reason)
    }
    expect((await askAuthentik(await acme(), [scope])).granted.join()).not.toMatch(/push|delete/)
  })
})

describe('a request that is too much', () => {
  it('500 scopes get a token for those that fit', async () => {
    const scopes = Array.from({ length: 500 }, (_, number) => `repository:acme/app/part-${number}:pull,push`)
    expect(await ask(...scopes)).toMatchObject({ status: 200, granted: scopes.slice(0, 100) })
  })

  it('a body of 1 MiB is refused with how much is taken', async () => {
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x'.repeat(1024 * 1024) })
    const answer = await fetch(`http://${registry}/token`, { method: 'POST', body })
    expect(answer.status).toBe(413)
    expect(await answer.text()).toMatch(/body of more than \d+ bytes/)
  })
})
