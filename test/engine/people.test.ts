/**
 * How membership in the push group must not be abused: by grants for browsers and devices, with which a phished code
 * would push, and by CI tokens that name the member, which authentik allows from 2026.5 on.
 */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REGISTRY_NAME, SESSION_NAME, tokenEndpoint } from '../../infra/authentik/names.ts'
import { DEVICE_CODE, GRANT_TYPES } from '../../local/authentik/token/grant-types.ts'
import { githubClaims } from '../../local/issuers/github.ts'
import { groups, type SetUp } from './authentik-objects.ts'
import { type AuthentikWorld, assertion, startAuthentikWorld } from './authentik-world.ts'

const MEMBER = 'ada'
const REDIRECT = 'https://client.example/back'
const SCOPE = `${REGISTRY_NAME} ${SESSION_NAME} offline_access repository:any/thing:pull,push`
const rules = [{ github: { owners: [{ name: 'acme', id: '501' }] } }]

let world: AuthentikWorld
let url: string
let authentik: SetUp
let basic: string

const only = async <Row>(path: string): Promise<Row> => {
  const { results } = await authentik.api.call<{ results: Row[] }>('GET', path)
  if (results.length !== 1) throw new Error(`${path}: ${results.length} objects`)
  return results[0] as Row
}

beforeAll(async () => {
  world = await startAuthentikWorld({ rules })
  url = world.url
  authentik = world.objects

  const { api } = authentik
  const { pk } = await api.create('core/users', { username: MEMBER, name: 'Ada', attributes: { team: 'shop' } })
  await api.create('core/tokens', { identifier: MEMBER, user: pk, intent: 'app_password', expiring: false })
  const { key } = await api.call<{ key: string }>('GET', `core/tokens/${MEMBER}/view_key/`)
  basic = `Basic ${btoa(`${MEMBER}:${key}`)}`
  const group = await only<{ pk: string }>(`core/groups/?name=${groups.push}`)
  await api.call('POST', `core/groups/${group.pk}/add_user/`, { pk })
})
afterAll(() => world[Symbol.asyncDispose]())

const ask = async (form: Record<string, string>): Promise<string> => (await world.ask(form)).token

/** What a token opens: a refusal opens nothing. */
const opens = (token: string | undefined | null) => {
  const { access = [], ci } = token ? decodeJwt(token) : {}
  return { access, ci }
}
const nothing = { access: [], ci: undefined }

describe.each([REGISTRY_NAME, SESSION_NAME])(
  'at %s, even if all grants were allowed by mistake, a member gets nothing by',
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
    const token = await world.ciToken(claims, 60)
    return await ask({ client_id, scope: `${client_id} ${scope}`, ...assertion(token) })
  }

  it('gets what the rules grant its job, and nothing by the group', async () => {
    const push = (name: string) => `repository:${name}:pull,push`
    const granted = opens(await exchange(REGISTRY_NAME, 'acme/app', `${push('acme/app')} ${push('any/thing')}`))
    expect(granted.access).toEqual([{ type: 'repository', name: 'acme/app', actions: ['pull', 'push'] }])
    expect(await exchange(REGISTRY_NAME, 'evil/app', push('evil/app'))).toBe('')
  })

  it('does not give the member an expiry', async () => {
    expect(await exchange(SESSION_NAME, 'acme/app', '')).not.toBe('')
    const member = await only<{ attributes: object; is_active: boolean }>(`core/users/?username=${MEMBER}`)
    expect(member.attributes).not.toHaveProperty('goauthentik.io/user/expires')
    expect(member.is_active).toBe(true)
  })
})
