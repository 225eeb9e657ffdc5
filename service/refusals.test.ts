import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { answerJson } from '../test/fake-upstream.ts'
import type { TokenServiceProcess } from '../test/token-service.ts'
import { basic, secrets, useTokenService } from '../test/token-service-suite.ts'
import { unsignedToken } from '../test/unsigned-token.ts'
import { audience, document, githubClaims } from '../trust/decision/policy.fixture.ts'

const suite = useTokenService({ started: false })

const seconds = () => Math.floor(Date.now() / 1000)
const job = (claims: object = {}) =>
  basic('JWT', suite.secret(unsignedToken({ ...githubClaims, aud: audience, ...claims })))
const stranger = () => job({ repository: 'evil/app', repository_owner_id: '666' })
const refuse = answerJson(400, { error: 'invalid_grant', error_description: secrets.quotedUpstream })
/** As authentik answers with a token that grants this. */
const grant = (...access: object[]) =>
  answerJson(200, { access_token: suite.secret(unsignedToken({ access })), expires_in: 600 })

let dir: string
let env: { TRUST_FILE: string }
let at: TokenServiceProcess

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'refusals-'))
  env = { TRUST_FILE: join(dir, 'trust.json') }
})
beforeEach(async () => {
  await writeFile(env.TRUST_FILE, JSON.stringify(document))
  at = await suite.start(env)
})
afterAll(() => rm(dir, { recursive: true }))

describe('refused before authentik is asked', () => {
  it.each([
    [
      'garbage',
      () => basic('JWT', suite.secret('garbage-that-is-no-token')),
      'token_malformed',
      /the password is not a JWT/,
    ],
    [
      'an expired token',
      () => job({ iat: seconds() - 342, exp: seconds() - 42 }),
      'token_expired',
      /^The CI token is refused: expired 4\d s ago \(issued for 5 min; log in later or allow sessions\) \(request /,
    ],
    [
      'an unsigned token',
      () => basic('JWT', suite.secret(unsignedToken(githubClaims, { alg: 'none' }))),
      'token_unsigned',
      /"none"/,
    ],
  ])('%s, each time', async (_, credentials, reason, sentence) => {
    for (let request = 0; request < 3; request++) {
      const { status, error } = await suite.ask(credentials(), { at })
      expect([status, error?.detail.reason, error?.code]).toEqual([401, reason, 'UNAUTHORIZED'])
      expect(error?.message).toMatch(sentence)
    }
    expect(suite.upstream.received).toHaveLength(0)
  })

  it.each([
    [
      'another audience',
      () => job({ aud: 'https://github.com/acme' }),
      'audience_wrong',
      /audience is "https:\/\/github.com\/acme", this registry expects "registry.example.com"/,
    ],
    [
      'a repository without rule',
      stranger,
      'no_rule_matches',
      /no rule of source "github" matches repository "evil\/app"/,
    ],
    [
      'another issuer',
      () => job({ iss: 'https://evil.example' }),
      'issuer_unknown',
      /issuer is "https:\/\/evil.example"/,
    ],
  ])('%s, but for one sample', async (_, credentials, reason, sentence) => {
    suite.upstream.answer = refuse
    for (let request = 0; request < 3; request++) {
      const { status, error } = await suite.ask(credentials(), { at })
      expect([status, error?.detail.reason]).toEqual([401, reason])
      expect(error?.message).toMatch(sentence)
    }
    expect(suite.upstream.received.length).toBeLessThanOrEqual(1)
    await suite.stop(at)
    expect(at.output()).not.toContain('disagree')
  })

  it('a session, the same', async () => {
    const session = {
      iss: 'https://authentik.example.com/',
      aud: ['ci-session', 'docker-registry'],
      ci: { source: 'github', claims: { ...githubClaims, repository_owner_id: '666' } },
    }
    const refresh_token = suite.secret(unsignedToken(session))
    suite.upstream.answer = refuse
    expect(await suite.post({ grant_type: 'refresh_token', refresh_token }, { at })).toMatchObject({
      status: 401,
      error: { message: expect.stringMatching(/^The session is refused: no rule of source "github" matches/) },
    })
  })
})

describe('where rules and authentik disagree', () => {
  const logged = async (text: string) => {
    while (!at.output().includes(text)) await sleep(10)
  }

  it('on a no here, that is logged and counted, and the client gets no token', async () => {
    const { status, body } = await suite.ask(stranger(), { at })
    expect(status).toBe(401)
    expect(JSON.stringify(body)).not.toContain(secrets.registryToken)
    await logged('"level":"warn"')
    expect(at.output()).toMatch(/"level":"warn".*"disagreement":"authentik_allows","count":1/)
    expect(suite.upstream.received).toHaveLength(1)
  })

  it('on a no of authentik, that is logged, and the client told what it may be', async () => {
    suite.upstream.answer = refuse
    for (const count of [1, 2]) {
      const { status, error } = await suite.ask(job(), { at })
      expect([status, error?.detail.reason]).toEqual([401, 'authentik_refused'])
      expect(error?.message).toMatch(/^authentik refused what the rules here allow: /)
      await logged(`"disagreement":"authentik_refuses","count":${count}`)
    }
  })

  it('on a push, that is logged', async () => {
    suite.upstream.answer = grant()
    const { status, error } = await suite.ask(job(), { at })
    expect([status, error?.detail.reason, error?.code]).toEqual([401, 'push_refused', 'DENIED'])
    expect(error?.message).toContain('though the rules here grant it')
    await logged('"disagreement":"authentik_grants_less","count":1')
  })
})

describe('a push of which nothing is granted', () => {
  const other = { query: 'scope=repository:acme/other:pull,push' }
  const pullOnly = { type: 'repository', name: 'acme/other', actions: ['pull'] }

  it('is answered with what the rules do grant', async () => {
    suite.upstream.answer = grant(pullOnly)
    const { status, error } = await suite.ask(job(), { ...other, at })
    expect([status, error?.detail.reason]).toEqual([401, 'push_refused'])
    expect(error?.message).toContain('the rules let this token push to "acme/app", "acme/app/**"')
  })

  it('is a token with the pull where explanations are off', async () => {
    suite.upstream.answer = grant(pullOnly)
    const literal = await suite.start({ ...env, EXPLAIN_REFUSED_PUSH: 'off' })
    const { status, body } = await suite.ask(job(), { ...other, at: literal })
    expect(status).toBe(200)
    expect(body).toMatchObject({ scope: 'repository:acme/other:pull' })
  })

  it('is a token where the rules let the job delete: what asks so may be a delete', async () => {
    suite.upstream.answer = grant(pullOnly)
    const cleaner = job({ repository: 'Acme/Other', repository_id: '7', repository_owner_id: '9' })
    expect(await suite.ask(cleaner, { ...other, at })).toMatchObject({
      status: 200,
      body: { scope: 'repository:acme/other:pull' },
    })
  })

  it('leaves a mount alone whose source is not granted', async () => {
    suite.upstream.answer = grant({ type: 'repository', name: 'acme/app', actions: ['pull', 'push'] })
    const query = 'scope=repository:acme/app:pull,push&scope=repository:secret/base:pull'
    expect(await suite.ask(job(), { query, at })).toMatchObject({
      status: 200,
      body: { scope: 'repository:acme/app:pull,push' },
    })
  })
})

describe('a pull, and the catalog, of which nothing is granted', () => {
  it.each([
    [
      'scope=repository:evil/app:pull',
      /^pull from "evil\/app" is not granted; the rules let this token pull from "acme/,
    ],
    ['scope=registry:catalog:*', /^listing the repositories is not granted; no rule lets this token/],
  ])('is answered with the reason: %s', async (query, sentence) => {
    suite.upstream.answer = grant()
    const { status, error } = await suite.ask(job(), { query, at })
    expect([status, error?.detail.reason, error?.code]).toEqual([401, 'access_refused', 'DENIED'])
    expect(error?.message).toMatch(sentence)
    const literal = await suite.start({ ...env, EXPLAIN_REFUSED_PUSH: 'off' })
    expect(await suite.ask(job(), { query, at: literal })).toMatchObject({ status: 200, body: { scope: '' } })
  })
})

describe('the trust file', () => {
  it('takes effect when it changes, without a restart', async () => {
    const quick = await suite.start(env, { trustFilePollMs: 20 })
    expect((await suite.ask(stranger(), { at: quick })).status).toBe(401)
    const [github, ...others] = document.sources
    const rules = github?.rules.map((rule) => ({ ...rule, claims: [['repository', ['evil/*']]] }))
    await writeFile(env.TRUST_FILE, JSON.stringify({ ...document, sources: [{ ...github, rules }, ...others] }))
    while (!quick.output().includes('trust rules replaced')) await sleep(10)
    expect((await suite.ask(stranger(), { at: quick })).status).toBe(200)
  })

  it('that is wrong keeps the process from starting, with one sentence', async () => {
    await writeFile(env.TRUST_FILE, '{"version":99}')
    const { code, output } = await suite.run({ TOKEN_URL: suite.upstream.url, CLIENT_ID: 'c', SCOPE: 's', ...env })
    expect(code).toBe(1)
    expect(output).toBe(
      'The token service cannot start: TRUST_FILE contains no trust rules that this version understands (JSON, version 1); ' +
        'deploy the rules again\n',
    )
  })
})
