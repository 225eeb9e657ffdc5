import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensurePython } from '../../toolchain/python.ts'
import type { HttpRequest } from '../http.ts'
import type { AccessToken, JsonObject, OAuth2Provider, OAuthSource, ScopeMapping, User } from '../rows.ts'
import { Store } from '../store.ts'
import { Expressions } from './worker.ts'

const log = pino({ level: 'silent' })
const provider = { pk: 1, name: 'docker-registry', client_secret: 'client-secret' } as OAuth2Provider
const user = { pk: 7, username: 'ada', groups: [] as string[], attributes: {} } as User
const request: HttpRequest = {
  id: '0'.repeat(32),
  method: 'POST',
  path: '/application/o/token/',
  query: new URLSearchParams('a=1&a=2'),
  headers: { host: 'authentik.example', 'x-forwarded-for': '192.0.2.7, 10.0.0.1' },
  remoteAddress: '127.0.0.1',
  scheme: 'https',
  origin: 'https://authentik.example',
  body: Buffer.alloc(0),
}

let directory: string
let store: Store
let python: string
let expressions: Expressions

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stand-in-authentik-'))
  store = await Store.open(directory)
  store.insert('providers', provider)
  store.insert('users', user)
  const keys = [
    { kid: 'one', kty: 'RSA' },
    { kid: 'two', kty: 'RSA' },
  ]
  store.insert('sources', { pk: 's', slug: 'github', oidc_jwks: { keys }, consumer_secret: 'secret' } as OAuthSource)
  python = await ensurePython()
  expressions = new Expressions(python, store, log, 1500)
})
afterAll(async () => {
  expressions.close()
  await rm(directory, { recursive: true })
})

const run = (expression: string, by = expressions): Promise<JsonObject> =>
  by.claims(
    { name: 'mapping', expression } as ScopeMapping,
    { provider, scope: ['a'], expires: 1_800_000_000_000 },
    {
      request,
      form: new URLSearchParams('scope=first&scope=last&client_assertion=shown'),
      user,
    },
  )

test('an expression that runs for ever is ended, and the next one is answered by a new Python', async () => {
  await expect(run('while True: pass')).rejects.toThrow('took longer than 1.5 s')
  expect(await run('return {"a": 1}')).toEqual({ a: 1 })
})

test('an expression that kills its Python fails alone', async () => {
  const replies = await Promise.allSettled([run('import os; os._exit(3)'), run('return {"a": 1}')])
  expect(replies.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
})

test('a Python that is not there is named', async () => {
  const nowhere = new Expressions('/nonexistent/python', store, log, 1500)
  await expect(run('return {}', nowhere)).rejects.toThrow('cannot start Python at "/nonexistent/python"')
})

test('what an expression prints or reads does not meet the protocol', async () => {
  expect(await run('import sys\nprint("{}")\nreturn {"read": sys.stdin.read()}')).toEqual({ read: '' })
})

test('an expression leaves nothing behind for the next', async () => {
  await run('global left\nleft = 1\nreturn {}')
  await expect(run('return {"left": left}')).rejects.toThrow('NameError')
})

test('values that JSON does not have are an error', async () => {
  await expect(run('return {"a": float("nan")}')).rejects.toThrow('not JSON')
})

test('expressions see neither secrets of the database nor the environment', async () => {
  const claims = await run(`
import os
from authentik.sources.oauth.models import OAuthSource
held = [hasattr(provider, "client_secret"), hasattr(OAuthSource.objects.first(), "consumer_secret")]
return {"held": held, "environment": [name for name in os.environ if name not in ("PATH", "LC_CTYPE")]}`)
  expect(claims).toEqual({ held: [false, false], environment: [] })
})

test('requests are Django’s', async () => {
  const claims = await run(`
post = http_request.POST
return {
    "last": [post["scope"], post.get("scope"), post.dict()["scope"]],
    "all": [post.getlist("scope"), http_request.GET.getlist("a")],
    "missing": [post.get("x"), post.get("x", 1), "x" in post, post.getlist("x")],
    "uri": http_request.build_absolute_uri("/x"),
    "secure": http_request.is_secure(),
    "headers": [http_request.headers["HOST"], http_request.META["HTTP_X_FORWARDED_FOR"]],
    "client": str(http_request.client_ip),
}`)
  expect(claims).toEqual({
    last: ['last', 'last', 'last'],
    all: [
      ['first', 'last'],
      ['1', '2'],
    ],
    missing: [null, 1, false, []],
    uri: 'https://authentik.example/x',
    secure: true,
    headers: ['authentik.example', '192.0.2.7, 10.0.0.1'],
    client: '192.0.2.7',
  })
})

test.each([
  ['oidc_jwks__keys__contains=[{"kid": "two"}]', true],
  ['oidc_jwks__keys__contains=[{"kid": "two", "kty": "EC"}]', false],
  ['oidc_jwks__keys__contains=[{"kid": "one"}, {"kid": "two"}]', true],
  ['oidc_jwks__keys__contains=[]', true],
  ['slug="github"', true],
  ['slug__in=["gitlab"]', false],
  ['slug__startswith="git", pk="s"', true],
  ['slug__iexact="GitHub"', true],
  ['oidc_jwks__none__isnull=True', true],
])('sources filtered by %s: %s', async (filter, found) => {
  const from = 'from authentik.sources.oauth.models import OAuthSource'
  expect(await run(`${from}\nreturn {"found": OAuthSource.objects.filter(${filter}).exists()}`)).toEqual({ found })
})

test('access tokens are found by the text that the request shows, by provider and user, and no others are there', async () => {
  for (const [pk, token] of ['shown', 'hidden'].entries()) {
    store.insert('accessTokens', { pk, token, provider: provider.pk, user: user.pk } as AccessToken)
  }
  const claims = await run(`
from authentik.providers.oauth2.models import AccessToken
held = AccessToken.objects
return {
    "shown": held.filter(token="shown", provider__name="docker-registry", user__username="ada").exists(),
    "of another": held.filter(token="shown", provider__name="ci-session").exists(),
    "all": [token.token for token in held.all()],
}`)
  expect(claims).toEqual({ shown: true, 'of another': false, all: ['shown'] })
})

test('a user’s attributes are kept when they are saved, and only then', async () => {
  await run('user.attributes["a"] = 1\nreturn {}')
  expect(store.get('users', user.pk)?.attributes).toEqual({})
  await run('user.attributes["until"] = int(token.expires.timestamp())\nuser.save()\nreturn {}')
  expect(store.get('users', user.pk)?.attributes).toEqual({ until: 1_800_000_000 })
})

test('a filter by an unknown field is an error; ak_user_by finds no user', async () => {
  await expect(run('from authentik.core.models import User\nreturn User.objects.get(nope=1)')).rejects.toThrow('nope')
  expect(await run('return {"by": [ak_user_by(nope=1), ak_user_by(username="ada").pk]}')).toEqual({ by: [null, 7] })
})

test.each([
  ['return 1', undefined],
  ['if True:\n    return {"a": """\n  x"""}', undefined],
  ['return (', "'(' was never closed"],
  ['def f(:', 'invalid syntax'],
])('the syntax of %j', async (expression, error) => {
  const answer = await expressions.syntaxError(expression)
  if (error === undefined) expect(answer).toBeUndefined()
  else expect(answer).toContain(error)
})
