import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { answerJson } from '../test/fake-upstream.ts'
import { basic, ci, secrets, useTokenService } from '../test/token-service-suite.ts'

const suite = useTokenService()

describe('the exchange', () => {
  it('sends a CI token as assertion and answers as the registry specification says', async () => {
    const before = Date.now()
    const { response, body } = await suite.ask(ci, {
      query:
        'account=JWT&client_id=docker&offline_token=true&service=docker-registry&scope=repository:a/b:pull,push&scope=repository:c:pull+x:y:z',
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(body).toEqual({
      token: secrets.registryToken,
      access_token: secrets.registryToken,
      expires_in: expect.toSatisfy((left: number) => left > 500 && left <= 600, 'what is left of 600 s'),
      issued_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    })
    const issuedAt = Date.parse((body as unknown as { issued_at: string }).issued_at)
    expect(issuedAt).toBeGreaterThanOrEqual(before - 1000)
    expect(issuedAt).toBeLessThanOrEqual(Date.now())

    const [received] = suite.upstream.received
    expect(Object.fromEntries(received?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      client_id: 'docker-registry',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: secrets.ciToken,
      scope: 'docker-registry repository:a/b:pull,push repository:c:pull x:y:z',
    })
    expect(received?.headers['x-request-id']).toBe(response.headers.get('x-request-id'))
    expect(received?.headers['content-type']).toBe('application/x-www-form-urlencoded')
  })

  it('sends user name and password of anyone else', async () => {
    expect(await suite.ask(basic('deploy', secrets.appPassword), { query: '' })).toMatchObject({ status: 200 })
    expect(Object.fromEntries(suite.upstream.received[0]?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      client_id: 'docker-registry',
      username: 'deploy',
      password: secrets.appPassword,
      scope: 'docker-registry',
    })
  })

  it('asks a client without credentials for some', async () => {
    const { response, error } = await suite.ask()
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Basic realm="token service", charset="UTF-8"')
    expect(error?.message).toMatch(/^Log in first: user name JWT .*\(request [0-9a-f-]{36}\)$/)
    expect(error?.detail).toEqual({ reason: 'credentials_missing', requestId: response.headers.get('x-request-id') })
    expect(suite.upstream.received).toHaveLength(0)
  })

  it('serves a client without credentials as the configured user', async () => {
    const open = await suite.start({
      ANON_USERNAME: 'guest',
      ANON_PASSWORD: secrets.anonymousPassword,
      ANON_REPOSITORIES: 'acme/**',
    })
    expect(await suite.ask({}, { at: open })).toMatchObject({ status: 200 })
    const form = Object.fromEntries(suite.upstream.received[0]?.form ?? [])
    expect(form).toMatchObject({ username: 'guest', password: secrets.anonymousPassword })
  })

  it('serves a client without credentials with the token of the pod, read anew', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'projected-'))
    const path = join(dir, 'token')
    const open = await suite.start({ ANON_KUBE_JWT: path, ANON_REPOSITORIES: 'acme/**' })
    expect(await suite.ask({}, { at: open })).toMatchObject({
      status: 503,
      error: { detail: { reason: 'anonymous_unavailable' } },
    })
    await writeFile(path, `${secrets.kubernetesToken}\n`)
    expect(await suite.ask({}, { at: open })).toMatchObject({ status: 200 })
    expect(suite.upstream.received[0]?.form.get('client_assertion')).toBe(secrets.kubernetesToken)
    await rm(dir, { recursive: true })
  })

  it('uses one connection to authentik for requests one after the other', async () => {
    const forgetful = await suite.start({}, { cacheMs: 0 })
    for (let request = 0; request < 5; request++) await suite.ask(ci, { at: forgetful })
    expect(suite.upstream.received).toHaveLength(5)
    expect(suite.upstream.connections).toBe(1)
  })

  it('never promises a life under 60 s, with which older clients cannot work', async () => {
    suite.upstream.answer = answerJson(200, { access_token: secrets.registryToken, expires_in: 30 })
    expect((await suite.ask(ci)).body).toMatchObject({ expires_in: 60 })
    suite.upstream.answer = answerJson(200, { access_token: secrets.registryToken })
    expect((await suite.ask(ci)).body).toMatchObject({ expires_in: 60 })
  })

  it('says that a swapped login was refused, and logs neither half', async () => {
    suite.upstream.answer = answerJson(400, { error: 'invalid_grant', error_description: secrets.quotedUpstream })
    const { status, error } = await suite.ask(basic(secrets.passwordAsUsername, 'JWT'))
    expect(status).toBe(401)
    expect(error?.message).toMatch(/^authentik refused user name and password; the password must be an app password/)
  })
})
