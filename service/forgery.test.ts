import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FakeIssuer, fakeIssuer, type IssuerKey, issuerKey } from '../test/fake-issuer.ts'
import { answerJson } from '../test/fake-upstream.ts'
import type { TokenServiceProcess } from '../test/token-service.ts'
import { basic, useTokenService } from '../test/token-service-suite.ts'
import { audience, document, githubClaims } from '../trust/decision/policy.fixture.ts'

const suite = useTokenService({ started: false })

/** The key of the jobs' platform, the key of another platform, and somebody else's under the id of the first. */
let key: IssuerKey
let foreign: IssuerKey
let forger: IssuerKey
/** The stack's own. */
let own: IssuerKey
let dir: string
let issuer: FakeIssuer
let env: Record<string, string>

beforeAll(async () => {
  ;[key, foreign, forger, own] = (await Promise.all(
    ['github', 'gitlab', 'github', 'stack'].map((kid) => issuerKey(kid)),
  )) as [IssuerKey, IssuerKey, IssuerKey, IssuerKey]
  dir = await mkdtemp(join(tmpdir(), 'forgery-'))
  env = {
    TRUST_FILE: join(dir, 'trust.json'),
    ISSUER_KEYS_FILE: join(dir, 'issuers.json'),
    REGISTRY_JWKS_FILE: join(dir, 'registry.json'),
  }
  await writeFile(env.TRUST_FILE ?? '', JSON.stringify(document))
})
beforeEach(async () => {
  issuer = await fakeIssuer(key)
  await writeFile(
    env.ISSUER_KEYS_FILE ?? '',
    JSON.stringify([
      { issuer: githubClaims.iss, keys: { jwksUrl: issuer.jwksUrl } },
      { issuer: 'https://gitlab.com', keys: { jwks: { keys: [foreign.jwk] } } },
    ]),
  )
  await publishOwn(own)
})
afterEach(() => issuer[Symbol.asyncDispose]())
afterAll(() => rm(dir, { recursive: true }))

const publishOwn = (...keys: IssuerKey[]) =>
  writeFile(env.REGISTRY_JWKS_FILE ?? '', JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }))
const job = { ...githubClaims, aud: audience }
const session = {
  iss: 'https://authentik.example.com/',
  aud: ['ci-session', 'docker-registry'],
  ci: { source: 'github', claims: githubClaims },
}
const calls = () => suite.upstream.received.length
const ask = async (at: TokenServiceProcess, token: string) => {
  const { status, error } = await suite.ask(basic('JWT', suite.secret(token)), { at })
  return error?.detail.reason ?? status
}
const unknownAlgorithm = async () => {
  const header = Buffer.from(JSON.stringify({ alg: 'RS999', kid: 'github' })).toString('base64url')
  return (await key.sign(job)).split('.').with(0, header).join('.')
}

describe('a job with a forged token never reaches authentik', () => {
  it.each<[string, () => Promise<string>, string]>([
    ['signed by another key', () => forger.sign(job), 'signature_invalid'],
    [
      'that was changed',
      async () =>
        (await key.sign({ ...job, sub: 'x' }))
          .split('.')
          .with(1, (await key.sign(job)).split('.')[1] ?? '')
          .join('.'),
      'signature_invalid',
    ],
    ['without a signature', async () => (await key.sign(job)).split('.').with(2, '').join('.'), 'signature_invalid'],
    [
      'with garbage for a signature',
      async () => (await key.sign(job)).split('.').with(2, '%%%').join('.'),
      'signature_invalid',
    ],
    ['of an algorithm that does not exist', unknownAlgorithm, 'token_unsigned'],
    ['of an id that the platform does not have', () => forger.sign(job, { kid: 'unheard-of' }), 'key_unknown'],
    ['by the key of another platform', () => foreign.sign(job), 'key_unknown'],
    ['by the key that signs sessions', () => own.sign(job), 'key_unknown'],
  ])('%s', async (_, forge, reason) => {
    const at = await suite.start(env)
    expect(await ask(at, await forge())).toBe(reason)
    expect(await ask(at, await forger.sign({ ...job, jti: 'another' }))).toBe('signature_invalid')
    expect(calls()).toBe(0)
    expect(await ask(at, await key.sign(job))).toBe(200)
    expect(calls()).toBe(1)
    await suite.stop(at)
    expect(at.audit().map(({ outcome, verified, exchanges }) => [outcome, verified, exchanges])).toEqual([
      ['refused', false, 0],
      ['refused', false, 0],
      ['granted', true, 1],
    ])
  })

  it('nor do a hundred at once, which cost the platform one question', async () => {
    const at = await suite.start(env)
    const tokens = await Promise.all(
      Array.from({ length: 100 }, (_, index) => forger.sign({ ...job, jti: `${index}` })),
    )
    expect(new Set(await Promise.all(tokens.map((token) => ask(at, token))))).toEqual(new Set(['signature_invalid']))
    expect([calls(), issuer.asked.length]).toEqual([0, 1])
    const metric = await suite.metrics(at)
    expect(metric('token_service_upstream_calls_total{purpose="registry",reason="signature_invalid"}')).toBe(0)
    expect(metric('token_service_requests_total{outcome="refused",reason="signature_invalid"}')).toBe(100)
  })
})

describe('the keys of a platform', () => {
  it('that are out of reach leave the decision to authentik, until they are back', async () => {
    const at = await suite.start(env, { jwksCooldownMs: 100 })
    issuer.answer = answerJson(500, {})
    expect(await ask(at, await key.sign(job))).toBe(200)
    suite.upstream.answer = answerJson(400, { error: 'invalid_grant' })
    expect(await ask(at, await forger.sign(job))).toBe('authentik_refused')
    expect(calls()).toBe(2)
    issuer.answer = undefined
    while ((await ask(at, await forger.sign({ ...job, jti: crypto.randomUUID() }))) !== 'signature_invalid')
      await sleep(20)
  })

  it('that hang hold a login up for no longer than they may', async () => {
    const at = await suite.start(env, { jwksTimeoutMs: 200 })
    issuer.answer = () => {}
    expect(await ask(at, await key.sign(job))).toBe(200)
  })

  it('that are replaced are found by the id of the new one', async () => {
    const at = await suite.start(env, { jwksCooldownMs: 100 })
    expect(await ask(at, await key.sign(job))).toBe(200)
    const next = await issuerKey('next')
    issuer.keys = [next]
    while ((await ask(at, await next.sign(job))) !== 200) await sleep(20)
    expect(await ask(at, await key.sign({ ...job, jti: 'after its time' }))).toBe('key_unknown')
  })
})

describe('a key that the platform publishes and authentik has not fetched', () => {
  const refuse = answerJson(400, { error: 'invalid_grant' })

  it('is named with what helps, and counted until authentik takes a token of it', async () => {
    const at = await suite.start(env, { refusalMs: 1 })
    const grant = suite.upstream.answer
    suite.upstream.answer = refuse
    const { error } = await suite.ask(basic('JWT', suite.secret(await key.sign(job))), { at })
    expect(error?.detail.reason).toBe('key_refused')
    expect(error?.message).toMatch(/any that is signed with the key "github" of .*Dashboards, System Tasks.*JWKS info/)
    expect((await suite.metrics(at))('token_service_refused_keys')).toBe(1)

    suite.upstream.answer = grant
    expect(await ask(at, await key.sign({ ...job, jti: 'later' }))).toBe(200)
    expect((await suite.metrics(at))('token_service_refused_keys')).toBe(0)

    suite.upstream.answer = refuse
    expect(await ask(at, await key.sign({ ...job, jti: 'of somebody who was deactivated' }))).toBe('authentik_refused')
    expect((await suite.metrics(at))('token_service_refused_keys')).toBe(0)
  })

  it('is not held responsible for a token that has ended', async () => {
    const at = await suite.start(env)
    suite.upstream.answer = refuse
    const ended = Math.floor(Date.now() / 1000) - 10
    expect(await ask(at, await key.sign({ ...job, exp: ended }))).toBe('token_expired')
    expect((await suite.metrics(at))('token_service_refused_keys')).toBe(0)
  })
})

describe('a key id under which two platforms publish keys', () => {
  const publishing = (keys: object) =>
    writeFile(
      env.ISSUER_KEYS_FILE ?? '',
      JSON.stringify([
        { issuer: githubClaims.iss, keys: { jwksUrl: issuer.jwksUrl } },
        { issuer: 'https://gitlab.com', keys },
        { issuer: 'https://away.example.com', keys: { jwksUrl: 'http://127.0.0.1:1/jwks' } },
      ]),
    )

  it('is told, and counted, where authentik refuses a token for it: the keys differ', async () => {
    await using other = await fakeIssuer(forger)
    await publishing({ wellKnownUrl: other.wellKnownUrl })
    const at = await suite.start(env)
    suite.upstream.answer = answerJson(400, { error: 'invalid_grant' })
    for (const jti of ['a', 'b', 'c']) {
      const { error } = await suite.ask(basic('JWT', suite.secret(await key.sign({ ...job, jti }))), { at })
      expect(error?.detail.reason).toBe('key_ambiguous')
      expect(error?.message).toContain(
        `${githubClaims.iss} and https://gitlab.com publish different keys under the key id "github"`,
      )
    }
    expect(other.asked).toEqual(['/.well-known/openid-configuration', '/jwks'])
    const metric = await suite.metrics(at)
    expect(metric('token_service_requests_total{outcome="refused",reason="key_ambiguous"}')).toBe(3)
    expect(metric('token_service_refused_keys')).toBe(0)
  })

  it('is no reason where it is the same key, nor where authentik takes the token', async () => {
    await publishing({ jwks: { keys: [{ ...key.jwk, x5c: ['MII'] }] } })
    const at = await suite.start(env)
    const grant = suite.upstream.answer
    suite.upstream.answer = answerJson(400, { error: 'invalid_grant' })
    expect(await ask(at, await key.sign(job))).toBe('key_refused')
    suite.upstream.answer = grant
    await publishing({ jwks: { keys: [forger.jwk] } })
    expect(await ask(at, await key.sign({ ...job, jti: 'later' }))).toBe(200)
  })
})

describe('a session', () => {
  const post = async (at: TokenServiceProcess, token: string) => {
    const { status, error } = await suite.post(
      { grant_type: 'refresh_token', refresh_token: suite.secret(token) },
      { at },
    )
    return error?.detail.reason ?? status
  }

  it('counts by the key of the stack, and by no other', async () => {
    const at = await suite.start(env)
    expect(await post(at, await forger.sign(session, { kid: 'stack' }))).toBe('signature_invalid')
    expect(await post(at, await key.sign(session))).toBe('key_unknown')
    expect(await ask(at, await key.sign(session))).toBe('key_unknown')
    expect(calls()).toBe(0)
    expect(await post(at, await own.sign(session))).toBe(200)
  })

  it('by a new key of the stack counts as soon as the file has it', async () => {
    const at = await suite.start(env)
    const next = await issuerKey('next')
    expect(await post(at, await next.sign(session))).toBe('key_unknown')
    await publishOwn(own, next)
    expect(await post(at, await next.sign(session))).toBe(200)
  })

  it('is left to authentik where nobody said which key it is', async () => {
    const { REGISTRY_JWKS_FILE: _, ...without } = env
    const at = await suite.start(without)
    expect(await post(at, await forger.sign(session))).toBe(200)
    expect(calls()).toBe(1)
  })
})

it('a wrong file of issuers keeps the process from starting, with one sentence', async () => {
  await writeFile(env.ISSUER_KEYS_FILE ?? '', '{"issuer":')
  const { ISSUER_KEYS_FILE = '' } = env
  const needed = { TOKEN_URL: suite.upstream.url, CLIENT_ID: 'c', SCOPE: 's' }
  const { code, output } = await suite.run({ ...needed, ISSUER_KEYS_FILE })
  expect([code, output]).toEqual([
    1,
    'The token service cannot start: ISSUER_KEYS_FILE is not a list of issuers with their keys: ' +
      '[{"issuer":"https://...","keys":{"jwksUrl":"https://..."}}]\n',
  ])
})
