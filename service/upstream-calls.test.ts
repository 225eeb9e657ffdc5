import { describe, expect, it } from 'vitest'
import { answerByClient, answerJson, holdBack } from '../test/fake-upstream.ts'
import type { TokenServiceProcess } from '../test/token-service.ts'
import { basic, ci, secrets, useTokenService } from '../test/token-service-suite.ts'
import { unsignedToken } from '../test/unsigned-token.ts'

const suite = useTokenService()

const scopes = (...names: string[]) => ({
  query: ['service=docker-registry', ...names.map((name) => `scope=${name}`)].join('&'),
})
const refuse = answerJson(400, { error: 'invalid_grant', error_description: secrets.quotedUpstream })
const calls = () => suite.upstream.received.length
const another = () => basic('JWT', suite.secret(unsignedToken({ sub: 'another' })))

/** Waits until so many requests share the call of another. */
async function shared(count: number, at?: TokenServiceProcess) {
  while ((await suite.metrics(at))('token_service_cache_lookups_total{result="shared"}') < count) {}
}

describe('authentik is asked once', () => {
  it('by 200 identical requests at once', async () => {
    const letGo = holdBack(suite.upstream)
    const asked = Array.from({ length: 200 }, () => suite.ask(ci))
    await shared(199)
    letGo()
    const answers = await Promise.all(asked)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(answers.map(({ response }) => response.headers.get('x-request-id'))).size).toBe(200)
    expect(calls()).toBe(1)
  })

  it('by a thousand requests one after the other', async () => {
    for (let request = 0; request < 1_000; request++) expect((await suite.ask(ci)).status).toBe(200)
    expect(calls()).toBe(1)
  })

  it('by who asks for the same scopes in another order, spelling and number', async () => {
    for (const query of [
      'scope=repository:b:pull&scope=repository:a:pull,push',
      'scope=repository:a:pull,push&scope=repository:b:pull',
      'scope=repository:a:pull,push+repository:b:pull&scope=repository:b:pull&client_id=docker&account=JWT',
      'service=docker-registry&scope=repository%3Aa%3Apull%2Cpush%20repository%3Ab%3Apull',
    ]) {
      expect((await suite.ask(ci, { query })).status).toBe(200)
    }
    expect(calls()).toBe(1)
  })

  it('by a GET and a POST with one credential', async () => {
    const scope = 'repository:acme/app:pull,push'
    await suite.ask(ci, scopes(scope))
    const form = { grant_type: 'password', username: 'JWT', password: secrets.ciToken, scope }
    expect(await suite.post(form)).toMatchObject({ status: 200, body: { token: secrets.registryToken } })
    expect(calls()).toBe(1)
  })

  it('for each kind of token, by logins at once', async () => {
    const session = suite.secret(unsignedToken({ ci: { source: 'github', claims: {} } }))
    const given = (access_token: string) => answerJson(200, { access_token, expires_in: 600 })
    suite.upstream.answer = answerByClient(suite.upstream, {
      'docker-registry': given(secrets.registryToken),
      'ci-session': given(session),
    })
    const at = await suite.start({ SESSION_CLIENT_ID: 'ci-session', SESSION_SCOPE: 'ci' })
    const query = 'offline_token=true&service=docker-registry'
    const logins = await Promise.all(Array.from({ length: 20 }, () => suite.ask(ci, { query, at })))
    for (const { body } of logins) expect(body).toMatchObject({ refresh_token: session })
    expect(suite.upstream.received.map(({ form }) => form.get('client_id'))).toEqual(['ci-session', 'docker-registry'])
  })

  it('about what it refuses, for a while, and about nothing else that the same client asks', async () => {
    suite.upstream.answer = refuse
    for (let request = 0; request < 5; request++) {
      const { status, error, response } = await suite.ask(ci)
      expect([status, error?.detail.reason]).toEqual([401, 'credentials_refused'])
      expect(error?.detail.requestId).toBe(response.headers.get('x-request-id'))
    }
    expect(calls()).toBe(1)
    await suite.ask(ci, scopes('repository:acme/other:pull'))
    expect(calls()).toBe(2)
  })
})

describe('authentik is asked anew', () => {
  it.each<[string, () => Record<string, string>, { query: string }]>([
    ['by another credential', another, scopes('repository:a:pull')],
    ['by the same token as a session', () => basic('', secrets.ciToken), scopes('repository:a:pull')],
    ['for another scope', () => ci, scopes('repository:b:pull')],
    ['for another action', () => ci, scopes('repository:a:push')],
    ['for one scope more', () => ci, scopes('repository:a:pull', 'repository:b:pull')],
    ['for none', () => ci, scopes()],
  ])('%s', async (_, credentials, query) => {
    await suite.ask(ci, scopes('repository:a:pull'))
    const own = suite.secret('eyJhbGciOiJFUzI1NiJ9.of-the-second.request')
    suite.upstream.answer = answerJson(200, { access_token: own, expires_in: 600 })
    expect((await suite.ask(credentials(), query)).body).toMatchObject({ token: own })
    expect(calls()).toBe(2)
  })

  it.each<[string, object, object]>([
    ['while a credential is about to end', { exp: Math.floor(Date.now() / 1000) + 4 }, { expires_in: 600 }],
    ['for a token that hardly lives', {}, { expires_in: 60 }],
    ['for a token that does not say how long it lives', {}, {}],
  ])('%s', async (_, claims, lives) => {
    suite.upstream.answer = answerJson(200, { access_token: secrets.registryToken, ...lives })
    const job = basic('JWT', suite.secret(unsignedToken({ sub: 'job', ...claims })))
    for (let request = 0; request < 3; request++) expect((await suite.ask(job)).status).toBe(200)
    expect(calls()).toBe(3)
  })

  it('after an outage, which nobody remembers', async () => {
    const usual = suite.upstream.answer
    suite.upstream.answer = answerJson(500, {})
    expect((await suite.ask(ci)).status).toBe(503)
    suite.upstream.answer = usual
    expect((await suite.ask(ci)).status).toBe(200)
  })

  it('in time to honour that a session was revoked', async () => {
    const at = await suite.start({}, { cacheMs: 400, refusalMs: 100 })
    const session = { grant_type: 'refresh_token', refresh_token: suite.secret(unsignedToken({ ci: {} })) }
    const usual = suite.upstream.answer
    expect((await suite.post(session, { at })).status).toBe(200)
    suite.upstream.answer = refuse
    while ((await suite.post(session, { at })).status === 200) {}
    expect(calls()).toBe(2)

    suite.upstream.answer = usual
    while ((await suite.post(session, { at })).status !== 200) {}
    expect(calls()).toBe(3)
  })
})

describe('what is left of a token that is given again', () => {
  it('is told as it is, and never under 60 s', async () => {
    suite.upstream.answer = answerJson(200, { access_token: secrets.registryToken, expires_in: 65 })
    const at = await suite.start({}, { tokenMarginMs: 1_000 })
    const ask = async () => (await suite.ask(ci, { at })).body as { expires_in: number; issued_at: string }
    const first = await ask()
    let again = await ask()
    while (again.expires_in === first.expires_in) again = await ask()
    expect([first.expires_in, again.expires_in]).toEqual([
      expect.toSatisfy((left) => left > 60),
      expect.toSatisfy((left) => left >= 60),
    ])
    expect(again.expires_in).toBeLessThan(first.expires_in)
    expect(Date.parse(again.issued_at)).toBeGreaterThan(Date.parse(first.issued_at))
    expect(calls()).toBe(1)
  })
})
