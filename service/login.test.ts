import { describe, expect, it } from 'vitest'
import { answerByClient, answerJson } from '../test/fake-upstream.ts'
import type { TokenServiceProcess } from '../test/token-service.ts'
import { basic, secrets, useTokenService } from '../test/token-service-suite.ts'
import { unsignedToken } from '../test/unsigned-token.ts'

const suite = useTokenService()

const ciToken = suite.secret(unsignedToken({ sub: 'repo:acme/app:ref:refs/heads/main' }))
const sessionClaims = { ci: { source: 'github', claims: {} }, aud: ['ci-session', 'docker-registry'], access: [] }
const sessionToken = suite.secret(unsignedToken(sessionClaims))
const job = basic('JWT', ciToken)
/** As docker 20.10 and 28 log in: no scope at all. */
const dockerLogin = 'account=JWT&client_id=docker&offline_token=true&service=docker-registry'

const SESSION_SECONDS = 21_600
const given = (access_token: string, expires_in = 600) => answerJson(200, { access_token, expires_in })
const clients = () => suite.upstream.received.map(({ form }) => form.get('client_id'))

/** A service with sessions, before an authentik that gives both kinds of token. */
async function withSessions(sessionAnswer = given(sessionToken)): Promise<TokenServiceProcess> {
  const answers = { 'docker-registry': given(secrets.registryToken), 'ci-session': sessionAnswer }
  suite.upstream.answer = answerByClient(suite.upstream, answers)
  return suite.start({ SESSION_CLIENT_ID: 'ci-session', SESSION_SCOPE: 'ci-scope' })
}

describe('docker login', () => {
  it('gets a session to keep, which is also the token to try it with, for one call', async () => {
    const at = await withSessions(given(sessionToken, SESSION_SECONDS))
    const { status, body } = await suite.ask(job, { query: dockerLogin, at })
    expect(status).toBe(200)
    expect(body).toMatchObject({ token: sessionToken, access_token: sessionToken, refresh_token: sessionToken })
    expect(body).toMatchObject({ scope: '', expires_in: expect.closeTo(SESSION_SECONDS, -1) })
    expect(suite.upstream.received.map(({ form }) => Object.fromEntries(form))).toMatchObject([
      { client_id: 'ci-session', client_assertion: ciToken, scope: 'ci-scope', grant_type: 'client_credentials' },
    ])
  })

  it.each<[string, object]>([
    ['keeps sessions for itself', { aud: 'ci-session', access: undefined }],
    ['lets them open more than the door', { access: [{ type: 'repository', name: 'a', actions: ['push'] }] }],
  ])('gets a registry token beside the session where authentik %s', async (_, claims) => {
    const session = suite.secret(unsignedToken({ ...sessionClaims, ...claims }))
    const at = await withSessions(given(session))
    const { body } = await suite.ask(job, { query: dockerLogin, at })
    expect(body).toMatchObject({ token: secrets.registryToken, refresh_token: session })
    expect(clients()).toEqual(['ci-session', 'docker-registry'])
  })

  it('that asks for a scope at once gets a registry token for it, and then the session', async () => {
    const at = await withSessions()
    const { body } = await suite.ask(job, { query: `${dockerLogin}&scope=repository:acme/app:pull`, at })
    expect(body).toMatchObject({ token: secrets.registryToken, refresh_token: sessionToken })
    expect(clients()).toEqual(['docker-registry', 'ci-session'])
  })

  it('that asks for nothing to keep gets no session in any form', async () => {
    const at = await withSessions()
    const { body } = await suite.ask(job, { query: 'account=JWT&service=docker-registry', at })
    expect(body).toMatchObject({ token: secrets.registryToken })
    expect(body).not.toHaveProperty('refresh_token')
    expect(clients()).toEqual(['docker-registry'])
  })

  it('with a session asks authentik whether it is still good, and gets what lives no longer than a registry token', async () => {
    const at = await withSessions()
    const again = { grant_type: 'refresh_token', refresh_token: sessionToken, service: 'docker-registry' }
    expect((await suite.post(again, { at })).body).toMatchObject({
      token: secrets.registryToken,
      refresh_token: sessionToken,
    })
    suite.upstream.answer = answerJson(400, { error: 'invalid_grant' })
    const revoked = { ...again, refresh_token: suite.secret(unsignedToken({ ...sessionClaims, jti: 'revoked' })) }
    expect((await suite.post(revoked, { at })).status).toBe(401)
    expect((await suite.ask(basic('JWT', revoked.refresh_token), { query: dockerLogin, at })).status).toBe(401)
    expect(clients()).toEqual(['docker-registry', 'docker-registry', 'docker-registry'])
  })

  it('of a user with an app password keeps the password', async () => {
    const at = await withSessions()
    const { body } = await suite.ask(basic('deploy', secrets.appPassword), { query: dockerLogin, at })
    expect(body).not.toHaveProperty('refresh_token')
    expect(clients()).toEqual(['docker-registry'])
  })

  it('keeps the password where sessions are off', async () => {
    const { status, body } = await suite.ask(job, { query: dockerLogin })
    expect(status).toBe(200)
    expect(body).not.toHaveProperty('refresh_token')
    expect(suite.upstream.received).toHaveLength(1)
  })

  it('that is refused costs one call', async () => {
    const at = await withSessions()
    suite.upstream.answer = answerJson(400, { error: 'invalid_grant' })
    expect((await suite.ask(job, { query: dockerLogin, at })).status).toBe(401)
    expect(clients()).toEqual(['ci-session'])
  })

  it('fails where authentik does not know the client id of sessions, and says so', async () => {
    const at = await withSessions(answerJson(400, { error: 'invalid_client' }))
    const { status, error } = await suite.ask(job, { query: dockerLogin, at })
    expect([status, error?.detail.reason]).toEqual([503, 'client_id_unknown'])
    await suite.stop(at)
    expect(at.output()).toContain('"clientId":"ci-session"')
  })

  it('fails where the session could do nothing', async () => {
    const at = await withSessions(given(suite.secret(unsignedToken({ sub: 'deactivated' }))))
    expect(await suite.ask(job, { query: dockerLogin, at })).toMatchObject({
      status: 401,
      error: { message: expect.stringContaining('a session without claims') },
    })
  })
})

describe('a session', () => {
  const refresh = (scope: string) => ({
    grant_type: 'refresh_token',
    refresh_token: sessionToken,
    service: 'docker-registry',
    client_id: 'docker',
    scope,
  })

  it('is used again and again, and answered as it came; one call serves until the cache has to ask', async () => {
    const at = await withSessions()
    for (let push = 0; push < 3; push++) {
      const { status, body } = await suite.post(refresh('repository:acme/app:pull,push'), { at })
      expect(status).toBe(200)
      expect(body).toMatchObject({ access_token: secrets.registryToken, refresh_token: sessionToken })
    }
    expect(clients()).toEqual(['docker-registry'])
    expect(Object.fromEntries(suite.upstream.received[0]?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      client_id: 'docker-registry',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: sessionToken,
      scope: 'docker-registry repository:acme/app:pull,push',
    })
  })

  it('takes 50 scopes between spaces', async () => {
    const scopes = Array.from({ length: 50 }, (_, index) => `repository:acme/app-${index}:pull`)
    expect((await suite.post(refresh([...scopes, ...scopes].join(' ')))).status).toBe(200)
    expect(suite.upstream.received[0]?.form.get('scope')).toBe(['docker-registry', ...scopes].join(' '))
  })

  it('that authentik refuses is to be renewed', async () => {
    suite.upstream.answer = answerJson(400, { error: 'invalid_grant', error_description: secrets.quotedUpstream })
    const { status, error } = await suite.post(refresh('repository:acme/app:push'))
    expect(status).toBe(401)
    expect(error?.message).toMatch(/^authentik refused the session: it has expired, was revoked, or/)
  })
})

describe('a POST with user name and password', () => {
  it('is what containerd does with a CI token', async () => {
    const at = await withSessions()
    const form = {
      grant_type: 'password',
      username: 'JWT',
      password: ciToken,
      scope: 'repository:a:pull',
      service: 'docker-registry',
    }
    expect((await suite.post({ ...form, client_id: 'containerd-client' }, { at })).body).not.toHaveProperty(
      'refresh_token',
    )
    expect(suite.upstream.received[0]?.form.get('client_assertion')).toBe(ciToken)

    expect((await suite.post({ ...form, access_type: 'offline' }, { at })).body).toMatchObject({
      token: secrets.registryToken,
      refresh_token: sessionToken,
    })
  })

  it('is a user with an app password otherwise', async () => {
    expect(
      (await suite.post({ grant_type: 'password', username: 'deploy', password: secrets.appPassword })).status,
    ).toBe(200)
    expect(Object.fromEntries(suite.upstream.received[0]?.form ?? [])).toMatchObject({
      username: 'deploy',
      password: secrets.appPassword,
    })
  })

  it.each([
    [{ grant_type: 'authorization_code', code: secrets.quotedUpstream }, 401, 'grant_unsupported'],
    [{ grant_type: 'refresh_token' }, 401, 'credentials_refused'],
    [{ grant_type: 'password', username: 'JWT', password: '' }, 401, 'credentials_refused'],
    [{ grant_type: 'refresh_token', refresh_token: 'x'.repeat(2 ** 20) }, 413, 'body_too_large'],
  ])('asks authentik nothing with %j', async (form, status, reason) => {
    const answer = await suite.post(form)
    expect([answer.status, answer.error?.detail.reason]).toEqual([status, reason])
    expect(suite.upstream.received).toEqual([])
  })
})
