import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type IssuerKey, issuerKey } from '../test/fake-issuer.ts'
import { answerByClient, answerJson, holdBack } from '../test/fake-upstream.ts'
import type { TokenServiceProcess } from '../test/token-service.ts'
import { basic, secrets, useTokenService } from '../test/token-service-suite.ts'
import { unsignedToken } from '../test/unsigned-token.ts'
import { audience, document, githubClaims } from '../trust/decision/policy.fixture.ts'

const suite = useTokenService({ started: false })

const REVOKE_PATH = '/application/o/revoke/'

let own: IssuerKey
let forger: IssuerKey
let dir: string
let env: Record<string, string>
/** Paths that authentik was asked at. */
let paths: string[]
/** How authentik answers a revocation. */
let atRevoke: RequestListener
let session: string

beforeAll(async () => {
  ;[own, forger] = (await Promise.all(['stack', 'stack'].map((kid) => issuerKey(kid)))) as [IssuerKey, IssuerKey]
  dir = await mkdtemp(join(tmpdir(), 'revocation-'))
  env = {
    TRUST_FILE: join(dir, 'trust.json'),
    REGISTRY_JWKS_FILE: join(dir, 'registry.json'),
    SESSION_CLIENT_ID: 'ci-session',
    SESSION_SCOPE: 'ci-scope',
  }
  await writeFile(env.TRUST_FILE ?? '', JSON.stringify(document))
  await writeFile(env.REGISTRY_JWKS_FILE ?? '', JSON.stringify({ keys: [own.jwk] }))
})
afterAll(() => rm(dir, { recursive: true }))
beforeEach(async () => {
  paths = []
  atRevoke = answerJson(200, {})
  session = suite.secret(await own.sign(claims()))
  const given = (access_token: string) => answerJson(200, { access_token, expires_in: 600 })
  const tokens = answerByClient(suite.upstream, {
    'docker-registry': given(secrets.registryToken),
    'ci-session': (request, response) => given(session)(request, response),
  })
  suite.upstream.answer = (request, response) => {
    paths.push(request.url ?? '')
    ;(request.url === REVOKE_PATH ? atRevoke : tokens)(request, response)
  }
})

const claims = () => ({
  iss: 'https://authentik.example.com/',
  aud: ['ci-session', 'docker-registry'],
  access: [],
  ci: { source: 'github', claims: githubClaims },
  jti: crypto.randomUUID(),
})
const revoke = async (at: TokenServiceProcess, form: Record<string, string> | [string, string][]) => {
  const response = await fetch(`${at.url}/revoke`, { method: 'POST', body: new URLSearchParams(form) })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, string> }
}
const refresh = async (at: TokenServiceProcess, token = session) => {
  const { status, error } = await suite.post({ grant_type: 'refresh_token', refresh_token: token }, { at })
  return error?.detail.reason ?? status
}
const revocations = () => paths.filter((path) => path === REVOKE_PATH).length

describe('a session that its holder revokes', () => {
  it('is over at authentik, and here at once: in the cache of tokens, of requests, and as a password', async () => {
    const at = await suite.start(env)
    // The second answer is of the cache of tokens, the third of that of requests.
    for (let time = 0; time < 3; time++) expect(await refresh(at)).toBe(200)
    expect((await suite.ask(basic('JWT', session), { at })).status).toBe(200)
    const calls = suite.upstream.received.length

    const { status, body, headers } = await revoke(at, { token: session, token_type_hint: 'refresh_token' })
    expect([status, body, headers.get('cache-control')]).toEqual([200, {}, 'no-store'])
    const sent = suite.upstream.received.at(-1)?.form ?? []
    expect([paths.at(-1), Object.fromEntries(sent)]).toEqual([REVOKE_PATH, { client_id: 'ci-session', token: session }])

    expect(await refresh(at)).toBe('session_revoked')
    const asPassword = await suite.ask(basic('JWT', session), { at })
    expect(asPassword.error?.detail.reason).toBe('session_revoked')
    expect(asPassword.error?.message).toContain('it was revoked; log in again')
    // Revoking it again is not a mistake, and costs nothing.
    expect((await revoke(at, { token: session })).status).toBe(200)
    expect(suite.upstream.received).toHaveLength(calls + 1)
  })

  it('is not handed out again to the CI token that it was made from', async () => {
    const at = await suite.start(env)
    const login = async () => {
      const query = 'account=JWT&client_id=docker&offline_token=true&service=docker-registry'
      const job = basic('JWT', suite.secret(unsignedToken({ ...githubClaims, aud: audience, jti: 'same' })))
      return ((await suite.ask(job, { query, at })).body as { refresh_token: string }).refresh_token
    }
    const first = await login()
    for (let time = 0; time < 2; time++) expect(await login()).toBe(first)
    await revoke(at, { token: first })
    session = suite.secret(await own.sign(claims()))
    expect(await login()).toBe(session)
    expect(session).not.toBe(first)
  })

  it('is refused where authentik was asked before and answers after', async () => {
    const at = await suite.start(env)
    const letGo = holdBack(suite.upstream)
    const exchange = refresh(at)
    while (suite.upstream.received.length === 0) await sleep(5)
    atRevoke = answerJson(200, {})
    suite.upstream.answer = atRevoke
    expect((await revoke(at, { token: session })).status).toBe(200)
    letGo()
    expect(await exchange).toBe('session_revoked')
    expect(await refresh(at)).toBe('session_revoked')
  })

  it('is over at another replica, or where an administrator deletes it, within the life of an answer', async () => {
    const [one, other] = [await suite.start(env), await suite.start(env, { sessionCacheMs: 300, refusalMs: 50 })]
    expect([await refresh(one), await refresh(other), await refresh(other)]).toEqual([200, 200, 200])
    await revoke(one, { token: session })
    suite.upstream.answer = answerJson(400, { error: 'invalid_grant' })
    while ((await refresh(other)) === 200) await sleep(5)
    expect(await refresh(other)).toBe('authentik_refused')
  })

  it('costs authentik one call, however many ask for it at once', async () => {
    const at = await suite.start(env)
    const letGo = holdBack(suite.upstream)
    const asked = Array.from({ length: 50 }, () => revoke(at, { token: session }))
    while (suite.upstream.received.length === 0) await sleep(5)
    letGo()
    expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set([200]))
    expect(revocations()).toBe(1)
  })

  it('is revoked also where the client hangs up, as a job does that is killed', async () => {
    const at = await suite.start(env)
    const letGo = holdBack(suite.upstream)
    const gone = new AbortController()
    const body = new URLSearchParams({ token: session })
    const asked = fetch(`${at.url}/revoke`, { method: 'POST', body, signal: gone.signal }).catch(() => 'gone')
    while (suite.upstream.received.length === 0) await sleep(5)
    gone.abort()
    expect(await asked).toBe('gone')
    letGo()
    while ((await refresh(at)) !== 'session_revoked') await sleep(5)
  })
})

describe('where authentik does not end it', () => {
  it.each<[string, RequestListener, string]>([
    ['answers with an error', answerJson(500, {}), 'upstream_unusable'],
    ['wants a secret', answerJson(401, { error: 'invalid_client' }), 'client_id_unknown'],
  ])('because it %s, the client learns that the session lives', async (_, answer, reason) => {
    const at = await suite.start(env)
    atRevoke = answer
    const { status, headers, body } = await revoke(at, { token: session })
    expect([status, headers.get('retry-after'), body.error]).toEqual([503, '5', 'temporarily_unavailable'])
    expect(await refresh(at)).toBe(200)
    await suite.stop(at)
    expect(at.audit()[0]).toMatchObject({ revocation: true, outcome: 'failed', reason, status: 503 })
  })

  it('it is not asked again and again for the same one', async () => {
    const at = await suite.start(env, { credentialRate: 1, credentialBurst: 3, breakerFailures: 100 })
    atRevoke = answerJson(500, {})
    const statuses: number[] = []
    for (let time = 0; time < 5; time++) statuses.push((await revoke(at, { token: session })).status)
    expect(statuses).toContain(429)
    expect(revocations()).toBeLessThan(5)
  })
})

describe('what cannot be revoked', () => {
  it.each<[string, () => Promise<string> | string, string]>([
    ['garbage', () => 'garbage', 'token_malformed'],
    ['a session signed by another key', () => forger.sign(claims()), 'signature_invalid'],
    ['a session of a key that the stack does not have', () => forger.sign(claims(), { kid: 'other' }), 'key_unknown'],
    [
      'a session without a signature',
      () => unsignedToken(claims(), { alg: 'none', kid: 'stack' }),
      'signature_invalid',
    ],
    ['a session that has ended by itself', () => own.sign({ ...claims(), exp: 1 }), 'token_expired'],
    [
      "a session that was changed into somebody else's",
      async () => {
        const other = (await own.sign(claims())).split('.')[1] ?? ''
        return (await own.sign(claims())).split('.').with(1, other).join('.')
      },
      'signature_invalid',
    ],
  ])('%s is answered as RFC 7009 wants it, and never gets to authentik', async (_, make, reason) => {
    const at = await suite.start(env)
    const token = suite.secret(await make())
    expect(await revoke(at, { token })).toMatchObject({ status: 200, body: {} })
    expect(paths).toEqual([])
    expect(await refresh(at)).toBe(200)
    await suite.stop(at)
    expect(at.audit()[0]).toMatchObject({ revocation: true, outcome: 'refused', reason, status: 200, verified: false })
  })

  it.each<[string, () => Promise<string> | string]>([
    ['a CI token', () => unsignedToken({ ...githubClaims, aud: audience })],
    ['a registry token', () => own.sign({ aud: 'docker-registry', access: [] })],
  ])('%s: the client is told what ends it', async (_, make) => {
    const at = await suite.start(env)
    const { status, body } = await revoke(at, { token: suite.secret(await make()) })
    expect([status, body.error]).toEqual([400, 'unsupported_token_type'])
    expect(body.error_description).toMatch(/^Only a session can be revoked here\. A CI token expires by itself/)
    expect(paths).toEqual([])
  })

  it('a session where the stack gives none', async () => {
    const { SESSION_CLIENT_ID: _, SESSION_SCOPE: __, ...without } = env
    const at = await suite.start(without)
    expect(await revoke(at, { token: session })).toMatchObject({ status: 400 })
    expect(paths).toEqual([])
  })

  it.each<[string, Record<string, string> | [string, string][]]>([
    ['none', { token_type_hint: 'refresh_token' }],
    ['an empty one', { token: '' }],
    [
      'two',
      [
        ['token', 'a'],
        ['token', 'b'],
      ],
    ],
    ['one of 30 kB', { token: 'x'.repeat(30_000) }],
  ])('a form with a token that is %s', async (_, form) => {
    const at = await suite.start(env)
    const { status, body } = await revoke(at, form)
    expect([status, body.error]).toEqual([400, 'invalid_request'])
    expect(paths).toEqual([])
  })
})

it('is audited and counted, by the hash of the session and the claims of its job', async () => {
  const at = await suite.start(env)
  atRevoke = (_, response) =>
    response.writeHead(200, { 'content-type': 'application/json', 'x-authentik-id': 'a1b2' }).end('{}')
  await revoke(at, { token: session })
  await revoke(at, { token: 'garbage' })
  const metric = await suite.metrics(at)
  expect(metric('token_service_revocations_total{outcome="revoked",reason="revoked"}')).toBe(1)
  expect(metric('token_service_revocations_total{outcome="refused",reason="token_malformed"}')).toBe(1)
  expect(metric('token_service_upstream_calls_total{purpose="revocation",reason="granted"}')).toBe(1)
  await suite.stop(at)
  expect(at.audit()[0]).toMatchObject({
    outcome: 'revoked',
    revocation: true,
    credential: 'session',
    verified: true,
    subject: githubClaims.repository,
    tokenSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    authentikId: 'a1b2',
  })
})
