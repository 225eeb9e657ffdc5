/**
 * What a member of the push group must not be good for: grants for browsers and devices, by which a phished code would
 * push, and CI tokens that name the member, as authentik lets them from 2026.5 on.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REGISTRY_NAME, SESSION_NAME, tokenEndpoint } from '../../infra/authentik/names.ts'
import { startAuthentik } from '../../local/authentik/server.ts'
import { DEVICE_CODE, GRANT_TYPES } from '../../local/authentik/token/grant-types.ts'
import { githubClaims } from '../../local/issuers/github.ts'
import { publicKeys, signingKey } from '../../local/issuers/keys.ts'
import { mintToken } from '../../local/issuers/mint.ts'
import { startIssuers } from '../../local/issuers/server.ts'
import { ensurePython } from '../../local/toolchain/python.ts'
import { groups, type SetUp, setUpAuthentik } from './authentik-objects.ts'
import { authentikVersion } from './authentik-version.ts'

const AUDIENCE = 'registry.example.com'
const MEMBER = 'ada'
const REDIRECT = 'https://client.example/back'
const SCOPE = `${REGISTRY_NAME} ${SESSION_NAME} offline_access repository:any/thing:pull,push`
const rules = [{ github: { owners: [{ name: 'acme', id: '501' }] } }]

const cleanUp = new AsyncDisposableStack()
let dir: string
let url: string
let authentik: SetUp
let basic: string

const only = async <Row>(path: string): Promise<Row> => {
  const { results } = await authentik.api.call<{ results: Row[] }>('GET', path)
  if (results.length !== 1) throw new Error(`${path}: ${results.length} objects`)
  return results[0] as Row
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'people-'))
  cleanUp.defer(() => rm(dir, { recursive: true }))
  const issuers = await startIssuers({ keys: async (platform) => publicKeys(await signingKey(dir, platform)) })
  cleanUp.defer(() => issuers.close())
  const apiToken = randomUUID()
  const standIn = await startAuthentik({
    dataDir: join(dir, 'authentik'),
    bootstrapToken: apiToken,
    python: await ensurePython(),
    version: authentikVersion,
    log: pino({ level: 'silent' }),
  })
  cleanUp.defer(() => standIn.close())
  url = standIn.url
  const jwksUrl = `${issuers.url}/github/.well-known/jwks`
  const sources = [{ slug: 'github', platform: 'github', jwksUrl }]
  authentik = await setUpAuthentik({ url, apiToken, sources, rules, audience: AUDIENCE })

  const { api } = authentik
  const { pk } = await api.create('core/users', { username: MEMBER, name: 'Ada', attributes: { team: 'shop' } })
  await api.create('core/tokens', { identifier: MEMBER, user: pk, intent: 'app_password', expiring: false })
  const { key } = await api.call<{ key: string }>('GET', `core/tokens/${MEMBER}/view_key/`)
  basic = `Basic ${btoa(`${MEMBER}:${key}`)}`
  const group = await only<{ pk: string }>(`core/groups/?name=${groups.push}`)
  await api.call('POST', `core/groups/${group.pk}/add_user/`, { pk })
})
afterAll(() => cleanUp.disposeAsync())

async function ask(form: Record<string, string>): Promise<string | undefined> {
  const response = await fetch(tokenEndpoint(url), { method: 'POST', body: new URLSearchParams(form) })
  return ((await response.json()) as { access_token?: string }).access_token
}

/** What a token opens: a refusal opens nothing. */
const opens = (token: string | undefined | null) => {
  const { access = [], ci } = token ? decodeJwt(token) : {}
  return { access, ci }
}
const nothing = { access: [], ci: undefined }

describe.each([REGISTRY_NAME, SESSION_NAME])(
  'at %s, were all grants allowed by mistake, a member gets nothing by',
  (client) => {
    let secret: string
    beforeAll(async () => {
      const provider = await only<{ pk: number; client_secret: string; property_mappings: string[] }>(
        `providers/oauth2/?name=${client}`,
      )
      secret = provider.client_secret
      const offline = { name: `offline ${client}`, scope_name: 'offline_access', expression: 'return {}' }
      const mapping = await authentik.api.create('propertymappings/provider/scope', offline)
      await authentik.api.call('PATCH', `providers/oauth2/${provider.pk}/`, {
        grant_types: GRANT_TYPES,
        redirect_uris: [{ matching_mode: 'strict', url: REDIRECT }],
        property_mappings: [...provider.property_mappings, mapping.pk],
      })
    })

    /** What the member's browser brings the client. */
    async function authorize(response_type: string): Promise<URLSearchParams> {
      const query = { client_id: client, response_type, redirect_uri: REDIRECT, scope: SCOPE, state: '' }
      const page = `${url}/application/o/authorize/?${new URLSearchParams(query)}`
      const answer = await fetch(page, { redirect: 'manual', headers: { authorization: basic } })
      return new URLSearchParams((answer.headers.get('location') ?? '').split(/[?#]/)[1])
    }
    const asked = () => ({ client_id: client, client_secret: secret, scope: SCOPE })

    it('an authorization code, and its refresh token', async () => {
      const code = (await authorize('code')).get('code') ?? ''
      const form = { ...asked(), grant_type: 'authorization_code', code, redirect_uri: REDIRECT }
      const response = await fetch(tokenEndpoint(url), { method: 'POST', body: new URLSearchParams(form) })
      const { access_token, refresh_token = '' } = (await response.json()) as Record<string, string>
      expect(opens(access_token)).toEqual(nothing)
      const again = { client_id: client, client_secret: secret, grant_type: 'refresh_token', refresh_token }
      expect(opens(await ask(again))).toEqual(nothing)
      expect(opens(await ask({ ...again, scope: SCOPE }))).toEqual(nothing)
    })

    it.each(['token', 'id_token', 'id_token token', 'code token'])('the response type %s', async (type) => {
      const answered = await authorize(type)
      expect(opens(answered.get('access_token'))).toEqual(nothing)
      expect(opens(answered.get('id_token'))).toEqual(nothing)
    })

    it('a device code', async () => {
      const body = new URLSearchParams({ client_id: client, scope: SCOPE })
      const device = (await (await fetch(`${url}/application/o/device/`, { method: 'POST', body })).json()) as {
        device_code: string
        user_code: string
      }
      await fetch(`${url}/device?code=${device.user_code}`, { headers: { authorization: basic } })
      const form = { ...asked(), grant_type: DEVICE_CODE, device_code: device.device_code }
      expect(opens(await ask(form))).toEqual(nothing)
    })

    it('the client secret alone', async () => {
      expect(opens(await ask({ ...asked(), grant_type: 'client_credentials' }))).toEqual(nothing)
    })
  },
)

describe.each(['preferred_username', 'nickname'])('a CI token whose claim %s names the member', (claim) => {
  async function exchange(client_id: string, repository: string, scope: string) {
    const claims = { ...githubClaims({ repository, ref: 'refs/heads/main' }), [claim]: MEMBER }
    const token = mintToken({
      key: await signingKey(dir, 'github'),
      claims,
      audience: AUDIENCE,
      ttl: 60,
      now: Date.now(),
    })
    return await ask({
      grant_type: 'client_credentials',
      client_id,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: token,
      scope: `${client_id} ${scope}`,
    })
  }

  it('gets what the rules grant its job, and nothing by the group', async () => {
    const push = (name: string) => `repository:${name}:pull,push`
    const granted = opens(await exchange(REGISTRY_NAME, 'acme/app', `${push('acme/app')} ${push('any/thing')}`))
    expect(granted.access).toEqual([{ type: 'repository', name: 'acme/app', actions: ['pull', 'push'] }])
    expect(await exchange(REGISTRY_NAME, 'evil/app', push('evil/app'))).toBeUndefined()
  })

  it('gives the member no end', async () => {
    expect(await exchange(SESSION_NAME, 'acme/app', '')).toBeDefined()
    const member = await only<{ attributes: object; is_active: boolean }>(`core/users/?username=${MEMBER}`)
    expect(member.attributes).not.toHaveProperty('goauthentik.io/user/expires')
    expect(member.is_active).toBe(true)
  })
})
