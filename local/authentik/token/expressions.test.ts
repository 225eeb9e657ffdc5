/** What the expressions of a policy and of a scope mapping see, and what becomes of a request when they fail. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { created, type World } from '../fixture.ts'
import { type RegistryWorld, startRegistryWorld } from './fixture.ts'

let world: World
let { setPolicy, setMapping, exchange, github, userNamed } = {} as RegistryWorld

beforeAll(async () => {
  ;({ world, setPolicy, setMapping, exchange, github, userNamed } = await startRegistryWorld())
})
beforeEach(() => setPolicy('return True'))
afterAll(() => world.close())

const refusal = { status: 400, body: expect.objectContaining({ error: 'invalid_grant' }) }

describe('policies', () => {
  test.each(['return 1', 'return "yes"', 'return [0]'])('%s passes', async (expression) => {
    await setPolicy(expression)
    expect((await exchange(github())).status).toBe(200)
  })

  test.each([
    'return False',
    'return 0',
    'pass',
    'raise ValueError("x")',
    'exit()',
    'return request.user.username == "docker-registry-x"',
    'return not request.user.is_anonymous',
  ])('%s refuses', async (expression) => {
    await setPolicy(expression)
    expect(await exchange(github())).toMatchObject(refusal)
  })

  test('see the names that authentik gives them', async () => {
    await setPolicy(`
ak_message("hello")
ak_logger.info("seen", a=1)
assert request.obj.slug == "docker-registry"
assert request.context["oauth_jwt"]["repository"] == "acme/app" and context is request.context
assert context["oauth_scopes"] == {"docker-registry"} and context["oauth_grant_type"] == "client_credentials"
assert http_request.META["HTTP_HOST"] == http_request.headers["Host"] == http_request.get_host()
assert ak_client_ip == ip_address("127.0.0.1") and not ak_is_sso_flow
assert not ak_is_group_member(request.user, name="acl_docker_push")
return True`)
    expect((await exchange(github())).status).toBe(200)
  })

  test('that overran 64 KB never answer', async () => {
    await setPolicy(`return True # ${'x'.repeat(64 * 1024)}`)
    await expect(exchange(github())).rejects.toThrow('fetch failed')
  })

  test('a disabled binding does not count, a failing one counts as it says', async () => {
    const path = `policies/bindings/${(await world.api('GET', 'policies/bindings/')).body.results[0].pk}/`
    await setPolicy('return undefined_name')
    expect(await exchange(github())).toMatchObject(refusal)
    await world.api('PATCH', path, { failure_result: true })
    expect((await exchange(github())).status).toBe(200)
    await world.api('PATCH', path, { failure_result: false, enabled: false })
    expect((await exchange(github())).status).toBe(200)
    await world.api('PATCH', path, { enabled: true })
  })
})

describe('a scope mapping', () => {
  test.each(['raise ValueError("x")', 'return ["no dict"]', 'pass', 'return {"access": object()}', 'exit()'])(
    '%s leaves its claims out of a token that is issued all the same',
    async (expression) => {
      await setMapping(expression)
      const { status, body } = await exchange(github())
      expect(status).toBe(200)
      expect(decodeJwt(body.access_token)).not.toHaveProperty('access')
    },
  )

  test('sees the names that authentik gives it, and groups by their attributes', async () => {
    await created(world, 'core/groups/', { name: 'rules', attributes: { text: `'''{"*\\ é` } })
    await setMapping(`
from authentik.core.models import Group
assert "oauth_jwt" not in request.context
assert request.user == user and provider.name == "docker-registry" and token.scope == ["docker-registry"]
assert request.http_request.POST.getlist("scope") == ["docker-registry"]
try:
    Group.objects.get(name="no such group")
except Group.DoesNotExist:
    return {"access": Group.objects.get(name="rules").attributes["text"]}`)
    const { body } = await exchange(github())
    expect(decodeJwt(body.access_token).access).toBe(`'''{"*\\ é`)
  })

  test('sees whether the token endpoint made the user: only then the password is empty', async () => {
    await setMapping('return {"access": [user.password, user.path, user.type]}')
    const seen = async (sub: string) => decodeJwt((await exchange(github({ sub }))).body.access_token).access
    const marks = ['goauthentik.io/sources/github', 'service_account']
    expect(await seen('made-here')).toEqual(['', ...marks])
    await created(world, 'core/users/', { username: 'docker-registry-made-ahead', name: 'ahead' })
    expect(await seen('made-ahead')).toEqual(['!', ...marks])
    const { pk } = await userNamed('docker-registry-made-here')
    await world.api('PATCH', `core/users/${pk}/`, { name: 'changed' })
    expect(await seen('made-here')).toEqual(['!', ...marks])
    expect((await world.api('GET', `core/users/${pk}/`)).body).not.toHaveProperty('password')
  })

  test('sees the groups above those of the user', async () => {
    const parent = await created(world, 'core/groups/', { name: 'parent' })
    const child = await created(world, 'core/groups/', { name: 'child', parents: [parent.pk] })
    await setMapping('return {"access": [ak_is_group_member(user, name=n) for n in ("parent", "child", "rules")]}')
    await exchange(github({ sub: 'member' }))
    const user = await userNamed('docker-registry-member')
    await world.api('POST', `core/groups/${child.pk}/add_user/`, { pk: user.pk })
    const { body } = await exchange(github({ sub: 'member' }))
    expect(decodeJwt(body.access_token).access).toEqual([true, true, false])
  })
})
