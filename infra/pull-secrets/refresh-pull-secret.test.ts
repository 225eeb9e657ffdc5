/** The job that writes a pull secret, against a token service and an API server that answer as they do. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Refresh, refresh } from './refresh-pull-secret.ts'

const SESSION = 'aaaa.bbbb.cccc'
const ACCOUNT_TOKEN = 'token.of.account'

interface Asked {
  line: string
  authorization: string | undefined
  type: string | undefined
  body: string
}

let folder: string
let asked: Asked[]
/** Status and body by the beginning of the path. */
let answers: Record<string, { status: number; body: string }>
const server = createServer(async (request: IncomingMessage, response) => {
  const { authorization, 'content-type': type } = request.headers
  asked.push({ line: `${request.method} ${request.url}`, authorization, type, body: await text(request) })
  const found = Object.entries(answers).find(([path]) => request.url?.startsWith(path))
  response.writeHead(found?.[1].status ?? 404).end(found?.[1].body ?? '')
})

let job: Refresh
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refresh-'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await writeFile(join(folder, 'token'), `${ACCOUNT_TOKEN}\n`)
  await writeFile(join(folder, 'api'), 'token.of.api\n')
  job = {
    tokenUrl: `${url}/token`,
    service: 'docker-registry',
    registry: 'registry.example.com',
    namespace: 'shop',
    secret: 'passwordless-registry',
    serviceAccounts: ['default', 'app'],
    apiUrl: url,
    tokenFile: join(folder, 'token'),
    apiTokenFile: join(folder, 'api'),
  }
})
beforeEach(() => {
  asked = []
  answers = {
    '/token?': { status: 200, body: JSON.stringify({ token: 'x.y.z', refresh_token: SESSION }) },
    '/api/v1/namespaces/shop/': { status: 200, body: '{}' },
  }
})
afterAll(async () => {
  server.close()
  await rm(folder, { recursive: true, force: true })
})

const FIELD_MANAGER = '?fieldManager=passwordless-registry-pull-secret'

it('trades the token of its account for a session, and writes it as the password of user JWT', async () => {
  await refresh(job)
  const [login, secret, ...accounts] = asked
  expect(login?.line).toBe('GET /token?service=docker-registry&offline_token=true&client_id=pull-secret')
  expect(login?.authorization).toBe(`Basic ${Buffer.from(`JWT:${ACCOUNT_TOKEN}`).toString('base64')}`)
  expect(secret).toMatchObject({
    line: `PATCH /api/v1/namespaces/shop/secrets/passwordless-registry${FIELD_MANAGER}`,
    authorization: 'Bearer token.of.api',
    type: 'application/merge-patch+json',
  })
  const { data } = JSON.parse(secret?.body ?? '')
  expect(Object.keys(data)).toEqual(['.dockerconfigjson'])
  expect(JSON.parse(Buffer.from(data['.dockerconfigjson'], 'base64').toString())).toEqual({
    auths: {
      'registry.example.com': {
        username: 'JWT',
        password: SESSION,
        auth: Buffer.from(`JWT:${SESSION}`).toString('base64'),
      },
    },
  })
  expect(accounts).toEqual(
    ['default', 'app'].map((name) => ({
      line: `PATCH /api/v1/namespaces/shop/serviceaccounts/${name}${FIELD_MANAGER}`,
      authorization: 'Bearer token.of.api',
      type: 'application/strategic-merge-patch+json',
      body: JSON.stringify({ imagePullSecrets: [{ name: 'passwordless-registry' }] }),
    })),
  )
})

const refusal = JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'no rule matches' }] })

it.each<[string, string, { status: number; body: string }, RegExp]>([
  ['a refusal', '/token?', { status: 401, body: refusal }, /answered 401: no rule matches/],
  ['what is no JSON', '/token?', { status: 502, body: '<html>' }, /answered 502: no reason/],
  ['no session', '/token?', { status: 200, body: '{"token":"x.y.z"}' }, /gave no session; sessionHours/],
  ['a session that is none', '/token?', { status: 200, body: '{"refresh_token":"a\\"b"}' }, /gave no session/],
  ['too much', '/token?', { status: 200, body: 'x'.repeat(70_000) }, /answered more than 65536 bytes/],
  ['an API server that refuses', '/api/', { status: 403, body: SESSION }, /answered 403 to a patch of shop\/secrets\//],
])('ends at %s in a sentence that shows no token, and writes nothing else', async (_, path, answer, sentence) => {
  answers = path === '/api/' ? { '/token?': answers['/token?'] ?? answer, '/api/': answer } : { [path]: answer }
  const failed = refresh(job)
  await expect(failed).rejects.toThrow(sentence)
  await expect(failed).rejects.not.toThrow(new RegExp(`${SESSION}|${ACCOUNT_TOKEN}`))
  expect(asked.filter(({ line }) => line.startsWith('PATCH')).length).toBe(path === '/api/' ? 1 : 0)
})

it('runs on Node.js as it is, from a ConfigMap, and says in one line what it did', async () => {
  const script = join(import.meta.dirname, 'refresh-pull-secret.ts')
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--eval', `import('${script}').then(({ main }) => main())`],
    { env: { PATH: process.env.PATH, REFRESH: JSON.stringify(job) }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const ended = new Promise((resolve) => child.once('close', resolve))
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toEqual({ refreshed: 'shop/passwordless-registry' })
})
