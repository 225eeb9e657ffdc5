/**
 * Trust rules and sessions at authentik's token endpoint: the program's own expressions in the stand-in, asked as the
 * token service asks.
 */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { REGISTRY_NAME, SESSION_NAME } from '../../infra/authentik/names.ts'
import { githubClaims } from '../../local/issuers/github.ts'
import { gitlabClaims } from '../../local/issuers/gitlab.ts'
import { groups, type SetUp } from './authentik-objects.ts'
import { type AuthentikWorld, assertion, startAuthentikWorld } from './authentik-world.ts'

const GITLAB = 'https://gitlab.example.com'
const PUSH = 'repository:acme/app:pull,push'
const rules = [
  { github: { owners: [{ name: 'acme', id: '501' }] } },
  { gitlab: { namespaces: [{ name: 'acme', id: '72' }] } },
]
const pushed = [{ type: 'repository', name: 'acme/app', actions: ['pull', 'push'] }]
const LATER_SECONDS = 900

let world: AuthentikWorld
/** Seconds by which authentik's clock is ahead; that of its expressions is this machine's. */
let ahead = 0
let authentik: SetUp
const now = () => Date.now() + ahead * 1000

beforeAll(async () => {
  world = await startAuthentikWorld({
    sources: (jwksUrl) => [
      { slug: 'github', platform: 'github', jwksUrl: jwksUrl('github') },
      { slug: 'gitlab', platform: 'gitlab', url: GITLAB, jwksUrl: jwksUrl('gitlab') },
    ],
    rules,
    clock: now,
  })
  authentik = world.objects
})
beforeEach(async () => {
  ahead = 0
  await authentik.setRules(rules)
})
afterAll(() => world[Symbol.asyncDispose]())

/** A CI token; each job of another branch is another user. */
async function github({ repository = 'acme/app', ref = 'refs/heads/main', more = {} as object, ttl = 300 } = {}) {
  const claims = { ...githubClaims({ repository, ref }), ...more }
  return world.ciToken(claims, ttl)
}

async function gitlab(more: object = {}) {
  const claims = { ...gitlabClaims({ project: 'acme/app', ref: 'main', issuer: GITLAB }), ...more }
  return world.ciToken(claims, 3600, 'gitlab')
}

const ask = (form: Record<string, string>) => world.ask(form)

/** The `access` that an assertion gets for a scope, or the status of its refusal. */
async function access(token: string, scope = PUSH): Promise<unknown> {
  const answer = await ask({ client_id: REGISTRY_NAME, scope: `${REGISTRY_NAME} ${scope}`, ...assertion(token) })
  return answer.status === 200 ? decodeJwt(answer.token).access : answer.status
}

const login = (token: string) => ask({ client_id: SESSION_NAME, scope: SESSION_NAME, ...assertion(token) })

async function openSession(token: string): Promise<string> {
  const { status, token: session } = await login(token)
  expect(status).toBe(200)
  return session
}

async function deactivate(username: string): Promise<void> {
  const found = await authentik.api.call<{ results: { pk: number }[] }>(
    'GET',
    `core/users/?username=${encodeURIComponent(username)}`,
  )
  expect(found.results).toHaveLength(1)
  await authentik.api.call('PATCH', `core/users/${found.results[0]?.pk}/`, { is_active: false })
}

describe('a CI token', () => {
  it.each([
    ['github', github],
    ['gitlab', gitlab],
  ])('of %s gets what its rule grants of what it asks, on its first build', async (_platform, token) => {
    expect(await access(await token())).toEqual(pushed)
    expect(await access(await token(), 'repository:acme/other:pull,push')).toEqual([
      { type: 'repository', name: 'acme/other', actions: ['pull'] },
    ])
    expect(await access(await token(), 'repository:other/app:pull,push registry:catalog:*')).toEqual([])
  })

  it('of a stranger, for another audience, or signed by the key of another platform gets none, and no session', async () => {
    const refused = [
      await github({ repository: 'evil/app' }),
      await github({ more: { aud: 'https://github.com/acme' } }),
      await github({ ref: 'refs/pull/7/merge' }),
      await gitlab(githubClaims({ repository: 'acme/app', ref: 'refs/heads/main' })),
    ]
    for (const token of refused) {
      expect(await access(token)).toBe(400)
      expect((await login(token)).status).toBe(400)
    }
  })

  it('of a user that was deactivated gets a token without access, and no session', async () => {
    const token = await github({ ref: 'refs/heads/off' })
    expect(await access(token)).toEqual(pushed)
    await deactivate('docker-registry-repo:acme/app:ref:refs/heads/off')
    expect(await access(token)).toEqual([])

    await openSession(token)
    await deactivate('ci-session-repo:acme/app:ref:refs/heads/off')
    expect(decodeJwt(await openSession(token))).not.toHaveProperty('ci')
  })
})

describe('a session', () => {
  it('carries the claims that rules need and no access, and gets what the CI token would', async () => {
    const session = await openSession(await github())
    const claims = decodeJwt(session)
    expect(claims.ci).toMatchObject({ source: 'github', claims: { repository: 'acme/app', ref: 'refs/heads/main' } })
    expect(claims).toMatchObject({ aud: [SESSION_NAME, REGISTRY_NAME], access: [] })
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(6 * 3600)
    expect(await access(session)).toEqual(pushed)
    expect(await access(session, 'repository:other/app:push')).toEqual([])
    expect((await login(session)).status).toBe(400)
  })

  it('outlives its CI token, and so does the user without whom it would end', async () => {
    const token = await github({ ref: 'refs/heads/long', ttl: 10 })
    const session = await openSession(token)
    ahead += LATER_SECONDS
    expect(await access(token)).toBe(400)
    const username = encodeURIComponent('ci-session-repo:acme/app:ref:refs/heads/long')
    const { results } = await authentik.api.call<{ results: { attributes: Record<string, number> }[] }>(
      'GET',
      `core/users/?username=${username}`,
    )
    expect(results[0]?.attributes['goauthentik.io/user/expires']).toBe(decodeJwt(session).exp)
    expect(await access(session)).toEqual(pushed)
  })

  it('ends when it is revoked', async () => {
    const session = await openSession(await github())
    const { results } = await authentik.api.call<{ results: { pk: number; id_token: string }[] }>(
      'GET',
      'oauth2/access_tokens/?page_size=100',
    )
    const held = results.find(({ id_token }) => id_token.includes(String(decodeJwt(session).jti)))
    await authentik.api.call('DELETE', `oauth2/access_tokens/${held?.pk}/`)
    expect(await access(session)).toBe(400)
  })

  it('ends when its rule is taken away, and comes back with it', async () => {
    const session = await openSession(await github())
    await authentik.setRules(rules.slice(1))
    expect(await access(session)).toBe(400)
    await authentik.setRules(rules)
    expect(await access(session)).toEqual(pushed)
  })

  it('ends when its user is deactivated', async () => {
    const session = await openSession(await github({ ref: 'refs/heads/gone' }))
    await deactivate('ci-session-repo:acme/app:ref:refs/heads/gone')
    expect(await access(session)).toBe(400)
  })

  it('is neither a registry token nor a CI token that says so', async () => {
    const answer = await ask({ client_id: REGISTRY_NAME, scope: REGISTRY_NAME, ...assertion(await github()) })
    expect(await access(answer.token)).toBe(400)
    const { ci, iss } = decodeJwt(await openSession(await github()))
    expect(await access(await github({ repository: 'evil/app', more: { ci, iss, aud: SESSION_NAME } }))).toBe(400)
  })
})

describe('a service account with an app password', () => {
  const account = async (username: string, group: string | undefined) => {
    const { pk } = await authentik.api.create('core/users', { username, name: username, type: 'service_account' })
    const identifier = `${username}-password`
    await authentik.api.create('core/tokens', { identifier, user: pk, intent: 'app_password', expiring: false })
    const { key } = await authentik.api.call<{ key: string }>('GET', `core/tokens/${identifier}/view_key/`)
    if (group !== undefined) {
      const { results } = await authentik.api.call<{ results: { pk: string }[] }>('GET', `core/groups/?name=${group}`)
      await authentik.api.call('POST', `core/groups/${results[0]?.pk}/add_user/`, { pk })
    }
    return { username, password: key, scope: `${REGISTRY_NAME} repository:any/thing:pull,push` }
  }

  it.each([
    ['pusher', groups.push, ['pull', 'push']],
    ['puller', groups.pull, ['pull']],
  ])('%s in %s gets %j everywhere, and no session', async (username, group, actions) => {
    const credentials = await account(username, group)
    const answer = await ask({ client_id: REGISTRY_NAME, ...credentials })
    expect(decodeJwt(answer.token).access).toEqual([{ type: 'repository', name: 'any/thing', actions }])
    expect((await ask({ client_id: SESSION_NAME, ...credentials })).status).toBe(400)
  })

  it('in neither group is refused', async () => {
    expect((await ask({ client_id: REGISTRY_NAME, ...(await account('nobody', undefined)) })).status).toBe(400)
  })
})

describe('without the rules', () => {
  it.each([{}, { version: 2 }])('the document %j refuses everyone', async (attributes) => {
    const { results } = await authentik.api.call<{ results: { pk: string }[] }>(
      'GET',
      'core/groups/?name=docker-registry-trust',
    )
    await authentik.api.call('PATCH', `core/groups/${results[0]?.pk}/`, { attributes })
    expect(await access(await github())).toBe(400)
    expect((await login(await github())).status).toBe(400)
  })
})
