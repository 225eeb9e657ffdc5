/** Which provider a request is for, and whether its client may ask at all. */
import { formBody, type HttpRequest } from '../http.ts'
import { mappingsOf } from '../openid.ts'
import type { OAuth2Provider } from '../rows.ts'
import { sameSecret } from '../secrets.ts'
import type { Store } from '../store.ts'
import { isSince } from '../version.ts'
import type { GrantType } from './grant-types.ts'
import { Refused } from './refusal.ts'

export interface Client {
  provider: OAuth2Provider
  clientSecret: string | undefined
  form: URLSearchParams
}

/**
 * The provider that a posted form names, in Basic authentication (RFC 6749 §2.3.1) or in its fields.
 * @throws Refused `invalid_client` where no provider has this client id
 */
export function clientOf(request: HttpRequest, store: Store): Client {
  const form = formBody(request)
  const [, basic] = /^basic (\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  let clientId = last(form, 'client_id')
  let clientSecret = last(form, 'client_secret')
  if (basic !== undefined) {
    const [id, ...secret] = Buffer.from(basic, 'base64').toString('utf8').split(':')
    clientId = id
    clientSecret = secret.join(':')
  }
  const provider = store.find('providers', (candidate) => candidate.client_id === clientId)
  if (!provider) throw new Refused('invalid_client', 'no provider has this client id')
  return { provider, clientSecret, form }
}

/**
 * A confidential client shows its secret, a public one has none.
 * @throws Refused `invalid_client`
 */
export function authenticateClient({ provider, clientSecret }: Client): void {
  if (provider.client_type === 'public') return
  if (clientSecret === undefined || !sameSecret(clientSecret, provider.client_secret)) {
    throw new Refused('invalid_client', 'a confidential client shows its client secret')
  }
}

/** Whether the provider hands out tokens by this grant; before 2026.5 each does by every one. */
export const allowsGrant = (provider: OAuth2Provider, grant: GrantType, version: string): boolean =>
  !isSince('2026.5', version) || (provider.grant_types ?? []).includes(grant)

/** Of the scopes that were asked for those that the provider knows; others are dropped without a word. */
export function knownScopes(asked: string | undefined | null, provider: OAuth2Provider, store: Store): string[] {
  const known = new Set(mappingsOf(provider, store).map((mapping) => mapping.scope_name))
  return [...new Set((asked ?? '').split(/\s+/))].filter((name) => known.has(name))
}

/** A field of the form; of a repeated one the last, as Django has it. */
export const last = (form: URLSearchParams, name: string): string | undefined => form.getAll(name).at(-1)
