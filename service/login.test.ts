import { describe, expect, it } from 'vitest'
import { answerByClient, answerJson } from '../test/fake-upstream.ts'
import type { TokenServiceProcess } from '../test/token-service.ts'
import { basic, secrets, useTokenService } from '../test/token-service-suite.ts'
import { unsignedToken } from '../test/unsigned-token.ts'

const suite = useTokenService()

const ciToken = suite.secret(unsignedToken({ sub: 'repo:acme/app:ref:refs/heads/main' }))
const sessionToken = suite.secret(unsignedToken({ ci: { source: 'github', claims: {} } }))
const job = basic('JWT', ciToken)
/** As docker 20.10 and 28 log in: no scope at all. */
const dockerLogin = 'account=JWT&client_id=docker&offline_token=true&service=docker-registry'

const given = (access_token: string) => answerJson(200, { access_token, expires_in: 600 })
const clients = () => suite.upstream.received.map(({ form }) => form.get('client_id'))

/** A service with sessions, before an authentik that gives both kinds of token. */
async function withSessions(sessionAnswer = given(sessionToken)): Promise<TokenServiceProcess> {
  const answers = { 'docker-registry': given(secrets.registryToken), 'ci-session': sessionAnswer }
  suite.upstream.answer = answerByClient(suite.upstream, answers)
  return suite.start({ SESSION_CLIENT_ID: 'ci-session', SESSION_SCOPE: 'ci-scope' })
}

describe('docker login', () => {
  it('gets a session to keep, and a registry token to try it with, for two calls', async () => {
    const at = await withSessions()
    const { status, body } = await suite.ask(job, { query: dockerLogin, at })
    expect(status).toBe(200)
    expect(body).toMatchObject({ token: secrets.registryToken, refresh_token: sessionToken })
    expect(suite.upstream.received.map(({ form }) => Object.fromEntries(form))).toMatchObject([
      { client_id: 'docker-registry', client_assertion: ciToken, scope: 'docker-registry' },
      { client_id: 'ci-session', client_assertion: ciToken, scope: 'ci-scope', grant_type: 'client_credentials' },
    ])
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
    expect(clients()).toEqual(['docker-registry'])
  })

  it('fails where authentik does not know the client id of sessions, and says so', async () => {
    const at = await withSessions(answerJson(400, { error: 'invalid_client' }))
    const { status, error } = await suite.ask(job, { query: dockerLogin, at })
    expect([status, error?.detail.reason]).toEqual([503, 'client_unknown'])
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
