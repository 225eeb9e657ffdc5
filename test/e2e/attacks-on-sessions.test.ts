/** Sessions: what they are good for, and everything that must not pass as one or must end one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authentikSourceSlug } from '../../trust/language/document.ts'
import { accessToken, api, authentikUrl, only, type Row, userOf, whileChanged } from './authentik.ts'
import { foreignKey, keyOf, resigned } from './forge.ts'
import { jobToken, jobTokenWith, registry, SHORT_LIFE_SECONDS, untilExpired } from './job.ts'
import {
  askAuthentik,
  askToken,
  job,
  logIn,
  newPush,
  refresh,
  revoke,
  sessionOf,
  type TokenAnswer,
} from './token-client.ts'

const push = 'repository:acme/app:pull,push'
/** For how long an answer to a session may be given again by a pod that does not know that it is over. */
const REVOKED_EVERYWHERE_MS = 5_000
const acme = () => jobToken('github', 'acme/app')

/** A job whose users in authentik no other test has. */
const ownRef = () => `refs/tags/session-${crypto.randomUUID()}`
const ownJob = (ref = ownRef()) => jobToken('github', 'acme/app', '--ref', ref)

/** The token service checks a session with the key that the registry trusts, and then does not ask authentik. */
const notOurKey = /this registry has no key of the id that it names/

/** Of a registry token that is used as a credential: no source has authentik's own issuer. */
const ourIssuer = /issuer is "http:\/\/authentik\./

function expectRefused(answer: TokenAnswer, reason: RegExp): void {
  expect(answer).toMatchObject({ status: 401, token: '', session: '' })
  expect(answer.reason).toMatch(reason)
}

/** Neither the token service nor authentik itself takes it. */
async function expectNoSession(assertion: string, reason: RegExp): Promise<void> {
  expectRefused(await refresh(assertion, [newPush()]), reason)
  expect((await askAuthentik(assertion, [push])).granted).toEqual([])
}

describe('a session', () => {
  it('outlives its CI token, and can be used again and again', async () => {
    const jwt = await jobToken('github', 'acme/app', '--ttl', String(SHORT_LIFE_SECONDS))
    const session = await sessionOf(jwt)
    await untilExpired(jwt)
    expectRefused(await askToken(job(jwt), [push]), /expired|authentik refused/)
    for (const _ of [1, 2]) expect(await refresh(session, [push])).toMatchObject({ status: 200, granted: [push] })
  })

  it('is not given to whoever does not ask for one', async () => {
    expect(await askToken(job(await acme()), [push])).toMatchObject({ status: 200, session: '' })
  })

  it('carries what rules and audit need of the CI token, and nothing else', async () => {
    const ci = decodeJwt(await sessionOf(await acme())).ci as { source: string; claims: Record<string, string> }
    expect(ci).toMatchObject({ source: 'github', claims: { repository: 'acme/app', repository_owner_id: '501' } })
    const { attributes } = await only('core/groups', { name: 'docker-registry-trust' })
    const needed = (attributes as { session: { claims: string[] } }).session.claims
    expect(Object.keys(ci.claims).filter((name) => !needed.includes(name))).toEqual([])
    expect(ci.claims).not.toHaveProperty('workflow')
  })

  it('may do no more than its CI token', async () => {
    const session = await sessionOf(await acme())
    const answer = await refresh(session, ['repository:stranger/app:pull,push'])
    expectRefused(answer, /stranger\/app/)
  })

  it('is the token of a login, and opens /v2/ and nothing else', async () => {
    const { token, session } = await logIn(await acme())
    expect(token).toBe(session)
    const status = async (path: string) =>
      (await fetch(`http://${registry}${path}`, { headers: { authorization: `Bearer ${session}` } })).status
    expect([await status('/v2/'), await status('/v2/acme/app/tags/list'), await status('/v2/_catalog')]).toEqual([
      200, 401, 401,
    ])
  })

  it('makes no further session', async () => {
    const session = await sessionOf(await acme())
    expect(await askAuthentik(session, [], 'ci-session')).toMatchObject({ token: '' })
  })
})

describe('a session ends', () => {
  it('when its access token is deleted in authentik', async () => {
    const session = await sessionOf(await acme())
    expect((await refresh(session, [push])).granted).toEqual([push])
    await api('DELETE', `oauth2/access_tokens/${(await accessToken(session)).pk}/`)
    await expectNoSession(session, /session was revoked/)
  })

  it('when its holder revokes it: at every replica within 5 s, and at authentik itself', async () => {
    const session = await sessionOf(await acme())
    const ask = async () => (await refresh(session, [push])).status
    expect(await ask()).toBe(200)
    expect(await revoke(session)).toMatchObject({ status: 200 })
    await sleep(REVOKED_EVERYWHERE_MS)
    // More often than there are replicas.
    expect(new Set(await Promise.all(Array.from({ length: 8 }, ask)))).toEqual(new Set([401]))
    await expectNoSession(session, /revoked/)
    expect(await revoke(session)).toMatchObject({ status: 200 })
  })

  it('by nothing but itself: not by its CI token, its registry token, a forged copy or a piece of it', async () => {
    const jwt = await acme()
    const session = await sessionOf(jwt)
    const { token } = await refresh(session, [push])
    const unsupported = { status: 400, error: 'unsupported_token_type' }
    expect([await revoke(jwt), await revoke(token)]).toEqual([unsupported, unsupported])
    const forged = resigned(session, foreignKey(await kidOf('ci-session')))
    for (const each of [forged, session.slice(0, -1), `${session}A`]) expect((await revoke(each)).status).toBe(200)
    await sleep(REVOKED_EVERYWHERE_MS)
    expect((await refresh(session, [push])).granted).toEqual([push])
  })

  it('when the rule that it lived by is taken away, with the next exchange', async () => {
    const session = await sessionOf(await acme())
    const group = await only('core/groups', { name: 'docker-registry-trust' })
    const attributes = group.attributes as { sources: { rules: unknown[] }[] }
    const without = { ...attributes, sources: attributes.sources.map((source) => ({ ...source, rules: [] })) }
    await whileChanged('core/groups', group.pk, { attributes: without }, async () => {
      await expectNoSession(session, /authentik refused/)
    })
    expect((await refresh(session, [push])).granted).toEqual([push])
  })

  it('when an admin deactivates its user, who then gets no new one either', async () => {
    const ref = ownRef()
    const session = await sessionOf(await ownJob(ref))
    const user = await userOf(session)
    await api('PATCH', `core/users/${user.pk}/`, { is_active: false })
    await expectNoSession(session, /session was revoked or its user deactivated/)
    const jwt = await ownJob(ref)
    expectRefused(await logIn(jwt), /its user was deactivated/)
    const { token: emptySession } = await askAuthentik(jwt, [], 'ci-session')
    await expectNoSession(emptySession, /session came from source missing/)
  })
})

it('a fresh CI token of a user that an admin deactivated gives nothing', async () => {
  const jwt = await ownJob()
  const { token } = await askToken(job(jwt), [push])
  await api('PATCH', `core/users/${(await userOf(token)).pk}/`, { is_active: false })
  expectRefused(await askToken(job(jwt), [newPush()]), /though the rules here grant it: the user was deactivated/)
  expect((await askToken(job(jwt), ['repository:acme/app:pull'])).granted).toEqual([])
  expect((await askAuthentik(jwt, [push])).granted).toEqual([])
})

describe('what is not a session', () => {
  it('a registry token', async () => {
    const { token } = await askToken(job(await acme()), [push])
    await expectNoSession(token, ourIssuer)
  })

  it('garbage', async () => {
    await expectNoSession('garbage', /not a JWT/)
  })

  it('a CI token that claims to be one, whatever it contains', async () => {
    const { iss } = decodeJwt(await sessionOf(await acme()))
    const ci = { source: 'github', claims: decodeJwt(await acme()) }
    const forged = await jobTokenWith({ iss, aud: 'ci-session', ci, repository_owner_id: '666' })
    await expectNoSession(forged, notOurKey)
    const ownKid = await kidOf('ci-session')
    await expectNoSession(resigned(forged, { ...(await keyOf('github')), kid: ownKid }), notOurKey)
  })
})

describe('our own key id in the keys of a source', () => {
  const gitlabSource = authentikSourceSlug('gitlab')
  /** Puts keys into the source `gitlab`, as its owner could by publishing them. */
  const whileGitlabHolds = async (keys: object[], work: () => Promise<void>) => {
    const source = await only('sources/oauth', { slug: gitlabSource })
    const { authorization_url, access_token_url, profile_url, oidc_jwks } = source
    const all = { keys: [...(oidc_jwks as { keys: object[] }).keys, ...keys] }
    // Without its URLs, from which authentik would fetch the keys again; it wants the other three with each change.
    const inline = { oidc_well_known_url: '', oidc_jwks_url: '', oidc_jwks: all }
    const changes = { ...inline, authorization_url, access_token_url, profile_url }
    await whileChanged('sources/oauth', gitlabSource, changes, work)
  }

  it('with an attacker’s key behind it', async () => {
    const session = await sessionOf(await acme())
    const { token } = await askToken(job(await acme()), [push])
    const ofSessions = foreignKey(await kidOf('ci-session'))
    const ofRegistry = foreignKey(await kidOf('docker-registry'))
    const published = [ofSessions, ofRegistry].map(({ kty, n, e, kid }) => ({
      kty,
      n,
      e,
      kid,
      alg: 'RS256',
      use: 'sig',
    }))
    await whileGitlabHolds(published, async () => {
      await expectNoSession(resigned(session, ofSessions), notOurKey)
      await expectNoSession(resigned(token, ofRegistry), ourIssuer)
      const call = await fetch(`http://${registry}/v2/acme/app/tags/list`, {
        headers: { authorization: `Bearer ${resigned(token, ofRegistry)}` },
      })
      expect(call.status).toBe(401)
    })
  })

  it('with our own key behind it: our tokens get no way in by that source', async () => {
    const session = await sessionOf(await ownJob())
    const { token } = await askToken(job(await acme()), [push])
    const own = [...(await keysOf('docker-registry')), ...(await keysOf('ci-session'))]
    await whileGitlabHolds(own, async () => {
      await expectNoSession(token, ourIssuer)
      await api('DELETE', `oauth2/access_tokens/${(await accessToken(session)).pk}/`)
      await expectNoSession(session, /authentik refused/)
    })
    expect((await askToken(job(await jobToken('gitlab', 'acme/app')), [push])).granted).toEqual([push])
  })
})

describe('a token of another provider', () => {
  const name = `other-session-${crypto.randomUUID()}`
  let provider: Row
  let token: string

  // As like to ours as can be: the same key, mapping and sources, so its tokens carry `ci` too.
  beforeAll(async () => {
    const session = await only('providers/oauth2', { name: 'ci-session' })
    const { authorization_flow, invalidation_flow, property_mappings, signing_key, jwt_federation_sources } = session
    // authentik 2026.2 knows no grant types.
    const { issuer_mode, grant_types } = session
    const keys = { signing_key, issuer_mode, grant_types, jwt_federation_sources }
    const same = { authorization_flow, invalidation_flow, property_mappings, ...keys }
    provider = await api('POST', 'providers/oauth2/', { ...same, name, client_id: name, redirect_uris: [] })
    await api('POST', 'core/applications/', { name, slug: name, provider: provider.pk })
    const answer = await askAuthentik(await acme(), ['ci-session'], name)
    token = answer.token
    expect(decodeJwt(token)).toHaveProperty('ci.source', 'github')
  })
  afterAll(async () => {
    await api('DELETE', `core/applications/${name}/`)
    await api('DELETE', `providers/oauth2/${provider.pk}/`)
  })

  it('is not a session', () => expectNoSession(token, /authentik refused/))

  it('is none even where an admin federates that provider by mistake', async () => {
    const { pk, jwt_federation_providers } = await only('providers/oauth2', { name: 'docker-registry' })
    const federated = [...(jwt_federation_providers as number[]), provider.pk]
    await whileChanged('providers/oauth2', pk, { jwt_federation_providers: federated }, () =>
      expectNoSession(token, /authentik refused/),
    )
  })
})

/** The public keys of the tokens of one of our applications. */
async function keysOf(application: 'docker-registry' | 'ci-session'): Promise<{ kid: string }[]> {
  const answer = await fetch(`${authentikUrl}/application/o/${application}/jwks/`)
  return ((await answer.json()) as { keys: { kid: string }[] }).keys
}

async function kidOf(application: 'docker-registry' | 'ci-session'): Promise<string> {
  const [key] = await keysOf(application)
  if (key === undefined) throw new Error(`authentik publishes no key of ${application}`)
  return key.kid
}
