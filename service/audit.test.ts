import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { answerByClient, answerJson } from '../test/fake-upstream.ts'
import type { TokenServiceProcess } from '../test/token-service.ts'
import { basic, secrets, useTokenService } from '../test/token-service-suite.ts'
import { unsignedToken } from '../test/unsigned-token.ts'
import { audience, document, githubClaims } from '../trust/decision/policy.fixture.ts'

const suite = useTokenService({ started: false })

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const access = [{ type: 'repository', name: 'acme/app', actions: ['pull', 'push'] }]
const registryToken = suite.secret(unsignedToken({ access }))
const sessionToken = suite.secret(
  unsignedToken({
    iss: 'https://authentik.example.com/',
    aud: ['ci-session', 'docker-registry'],
    ci: { source: 'github', claims: { ...githubClaims, run_id: '4711' } },
  }),
)
const jobToken = (claims: object = {}) =>
  suite.secret(unsignedToken({ ...githubClaims, aud: audience, run_id: '4711', check_run_id: '4712', ...claims }))
const given = (access_token: string) => answerJson(200, { access_token, expires_in: 600 })
const refuse = answerJson(400, { error: 'invalid_grant', error_description: secrets.quotedUpstream })

let dir: string
let at: TokenServiceProcess

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'audit-'))
  await writeFile(join(dir, 'trust.json'), JSON.stringify(document))
})
afterAll(() => rm(dir, { recursive: true }))
beforeEach(async () => {
  suite.upstream.answer = answerByClient(suite.upstream, {
    'docker-registry': given(registryToken),
    'ci-session': given(sessionToken),
  })
  at = await suite.start({
    TRUST_FILE: join(dir, 'trust.json'),
    SESSION_CLIENT_ID: 'ci-session',
    SESSION_SCOPE: 'ci',
    TRUSTED_PROXIES: '127.0.0.1',
    ANON_USERNAME: 'guest',
    ANON_PASSWORD: secrets.anonymousPassword,
    ANON_REPOSITORIES: 'public/**',
  })
})

/** The lines, once there are so many, and no more come. */
async function lines(count: number) {
  while (at.audit().length < count) await sleep(5)
  await fetch(`${at.url}/live`) // whatever was to be written before this has been
  expect(at.audit()).toHaveLength(count)
  return at.audit()
}
const line = async () => (await lines(1))[0]
const from = { 'x-forwarded-for': '203.0.113.9', 'user-agent': 'docker/28.0' }
const push = 'scope=repository:acme/app:pull,push'

describe('the audit log has one line', () => {
  it('for a token: who, by which rule, what was asked and granted, and under which id it is found elsewhere', async () => {
    const token = jobToken()
    const { response } = await suite.ask({ ...basic('JWT', token), ...from }, { query: push, at })
    expect(await line()).toEqual({
      audit: 1,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      outcome: 'granted',
      status: 200,
      credential: 'ci_token',
      verified: true,
      source: 'github',
      subject: 'Acme/App',
      ref: 'refs/heads/main',
      run: '4711',
      job: '4712',
      claims: expect.objectContaining({ repository: 'Acme/App', ref: 'refs/heads/main' }),
      asked: ['repository:acme/app:pull,push'],
      granted: ['repository:acme/app:pull,push'],
      rules: [expect.any(Number)],
      exchanges: 1,
      clientAddress: '203.0.113.9',
      userAgent: 'docker/28.0',
      tokenSha256: sha256(token),
      requestId: response.headers.get('x-request-id'),
      durationMs: expect.any(Number),
    })
    expect(suite.upstream.received.map(({ headers }) => headers['x-request-id'])).toEqual([
      response.headers.get('x-request-id'),
    ])
  })

  it('for each repetition that the cache answers, with no call, and its own id, client and agent', async () => {
    const job = basic('JWT', jobToken())
    const ids: (string | null)[] = []
    for (let request = 0; request < 4; request++) {
      const client = { 'x-forwarded-for': `203.0.113.${request}`, 'user-agent': `docker/${request}` }
      const { response } = await suite.ask({ ...job, ...client }, { query: push, at })
      ids.push(response.headers.get('x-request-id'))
    }
    const written = await lines(4)
    expect(written.map(({ requestId }) => requestId)).toEqual(ids)
    expect(written.map(({ exchanges }) => exchanges)).toEqual([1, 0, 0, 0])
    expect(written.map(({ clientAddress, userAgent }) => `${clientAddress} ${userAgent}`)).toEqual(
      [0, 1, 2, 3].map((index) => `203.0.113.${index} docker/${index}`),
    )
    const shared = written.map(({ time, requestId, clientAddress, userAgent, exchanges, durationMs, ...same }) => same)
    for (const same of shared) expect(same).toEqual(shared[0])
  })

  it('for a login that gets a session, and names the session by its hash', async () => {
    await suite.ask(basic('JWT', jobToken()), { query: 'offline_token=true', at })
    expect(await line()).toMatchObject({
      outcome: 'granted',
      exchanges: 1,
      asked: [],
      sessionSha256: sha256(sessionToken),
    })
  })

  it('for a session, by whose hash the login is found', async () => {
    await suite.post(
      { grant_type: 'refresh_token', refresh_token: sessionToken, scope: 'repository:acme/app:push' },
      { at },
    )
    expect(await line()).toMatchObject({
      outcome: 'granted',
      credential: 'session',
      subject: 'Acme/App',
      run: '4711',
      tokenSha256: sha256(sessionToken),
      sessionSha256: sha256(sessionToken),
    })
  })

  it('for a user with a password, named once authentik has accepted it, without any hash', async () => {
    await suite.ask(basic('deploy', secrets.appPassword), { query: push, at })
    const written = await line()
    expect(written).toMatchObject({ outcome: 'granted', credential: 'password', verified: true, subject: 'deploy' })
    expect(Object.keys(written ?? {})).not.toContain('tokenSha256')
  })

  it('for a user whom authentik refuses, without the name: it may be a password', async () => {
    suite.upstream.answer = refuse
    await suite.ask(basic(secrets.passwordAsUsername, 'JWT'), { query: push, at })
    const written = await line()
    expect(written).toMatchObject({ outcome: 'refused', reason: 'credentials_refused', status: 401, verified: false })
    for (const field of ['subject', 'tokenSha256']) expect(Object.keys(written ?? {})).not.toContain(field)
  })

  it('for a password in the place of a CI token, without its hash: it could be guessed', async () => {
    const password = suite.secret('correct-horse-4716')
    suite.secret(sha256(password))
    await suite.ask(basic('JWT', password), { query: push, at })
    expect(await line()).toMatchObject({
      outcome: 'refused',
      reason: 'token_malformed',
      credential: 'ci_token',
      exchanges: 0,
    })
    await suite.post({ grant_type: 'refresh_token', refresh_token: password }, { at })
    expect((await lines(2))[1]).toMatchObject({ outcome: 'refused', reason: 'token_malformed', credential: 'session' })
  })

  it('for nobody in particular', async () => {
    await suite.ask({}, { query: '', at })
    expect(await line()).toMatchObject({ outcome: 'granted', credential: 'anonymous', subject: 'guest', exchanges: 1 })
  })

  it.each<[string, () => Record<string, string>, string, object]>([
    [
      'what the rules refuse',
      () => basic('JWT', jobToken({ repository_owner_id: '666', repository: 'evil/app' })),
      push,
      {
        reason: 'no_rule_matches',
        status: 401,
        credential: 'ci_token',
        verified: false,
        subject: 'evil/app',
        asked: ['repository:acme/app:pull,push'],
      },
    ],
    [
      'what is over',
      () => basic('JWT', jobToken({ iat: 1, exp: 2 })),
      push,
      { reason: 'token_expired', exchanges: 0, subject: 'Acme/App' },
    ],
    [
      'a push that is not granted',
      () => basic('JWT', jobToken()),
      'scope=repository:acme/other:push',
      { reason: 'push_refused', verified: true, exchanges: 1 },
    ],
    [
      'nobody, where nothing is open',
      () => ({}),
      push,
      { reason: 'credentials_missing', credential: 'anonymous', exchanges: 0 },
    ],
    [
      'a header that is none',
      () => ({ authorization: `Bearer ${secrets.appPassword}` }),
      push,
      { reason: 'credentials_missing', exchanges: 0 },
    ],
    [
      'scopes that are none',
      () => basic('JWT', jobToken()),
      'scope=a%22b',
      { reason: 'scope_malformed', status: 400, exchanges: 0 },
    ],
    [
      'another service',
      () => basic('JWT', jobToken()),
      'service=elsewhere',
      { reason: 'service_unknown', status: 400 },
    ],
  ])('for %s', async (_, headers, query, expected) => {
    await suite.ask(headers(), { query, at })
    expect(await line()).toMatchObject({ outcome: 'refused', ...expected })
  })

  it('for a user whose push is not granted, by the name that authentik has accepted', async () => {
    await suite.ask(basic('deploy', secrets.appPassword), { query: 'scope=repository:acme/other:push', at })
    expect(await line()).toMatchObject({
      outcome: 'refused',
      reason: 'push_refused',
      verified: true,
      subject: 'deploy',
    })
  })

  it('for what authentik could not decide', async () => {
    suite.upstream.answer = answerJson(500, { error: secrets.quotedUpstream })
    await suite.ask(basic('JWT', jobToken()), { query: push, at })
    expect(await line()).toMatchObject({
      outcome: 'failed',
      reason: 'upstream_unusable',
      status: 503,
      exchanges: 1,
      verified: false,
    })
  })

  it('for each of those who share a call, which one of them pays', async () => {
    const job = basic('JWT', jobToken())
    await Promise.all(Array.from({ length: 5 }, () => suite.ask(job, { query: push, at })))
    expect((await lines(5)).map(({ exchanges }) => exchanges).toSorted()).toEqual([0, 0, 0, 0, 1])
  })
})

describe('the id that authentik gives a request', () => {
  const withId = (id: string, answer: RequestListener): RequestListener => {
    return (request, response) => {
      response.setHeader('x-authentik-id', id)
      answer(request, response)
    }
  }

  it('is in the audit log, and with a refusal in the log', async () => {
    const id = 'f00dcafef00dcafef00dcafef00dcafe'
    suite.upstream.answer = withId(id, given(registryToken))
    await suite.ask(basic('JWT', jobToken()), { query: push, at })
    expect(await line()).toMatchObject({ outcome: 'granted', authentikId: id })
    suite.upstream.answer = withId(id.replaceAll('f', 'e'), refuse)
    await suite.ask(basic('JWT', jobToken({ run_id: '1' })), { query: push, at })
    expect((await lines(2))[1]).toMatchObject({ outcome: 'refused', authentikId: id.replaceAll('f', 'e') })
    expect(at.output()).toMatch(/"authentikId":"e00d[^"]*".*"msg":"not granted"/)
  })

  it('is left out where it is none, and where the cache answered', async () => {
    suite.upstream.answer = withId('two words', given(registryToken))
    const job = basic('JWT', jobToken())
    for (let request = 0; request < 2; request++) await suite.ask(job, { query: push, at })
    for (const written of await lines(2)) expect(written).not.toHaveProperty('authentikId')
  })
})

it('the audit log has nothing else: no probe, no other path, no start and no end', async () => {
  for (const path of ['/live', '/ready', '/nowhere', '/metrics']) await fetch(at.url + path)
  await fetch(`${at.url}/token`, { method: 'OPTIONS' })
  await suite.ask(basic('JWT', jobToken()), { query: push, at })
  await lines(1)
  at.signal('SIGTERM')
  expect(await at.exited).toBe(0)
  expect(at.audit().map(({ audit }) => audit)).toEqual([1])
})
