import { issuerOf } from '../openid.ts'
import { type ApiContext, resource } from '../resource.ts'
import { type Json, type OAuth2Provider, pick } from '../rows.ts'
import { randomText } from '../secrets.ts'
import type { Store } from '../store.ts'
import { isSince } from '../version.ts'

const CLIENT_ID_CHARACTERS = 40
const CLIENT_SECRET_CHARACTERS = 128

/** The part of a provider that its application shows. */
export function partialProvider(provider: Omit<OAuth2Provider, 'grant_types'>, store: Store): { [key: string]: Json } {
  const application = store.find('applications', ({ provider: pk }) => pk === provider.pk)
  const backchannel = store.find('applications', ({ backchannel_providers }) =>
    backchannel_providers.includes(provider.pk),
  )
  return {
    ...pick(provider, 'pk', 'name', 'authentication_flow', 'authorization_flow', 'invalidation_flow'),
    property_mappings: provider.property_mappings,
    component: 'ak-provider-oauth2-form',
    assigned_application_slug: application?.slug ?? null,
    assigned_application_name: application?.name ?? null,
    assigned_backchannel_application_slug: backchannel?.slug ?? null,
    assigned_backchannel_application_name: backchannel?.name ?? null,
    verbose_name: 'OAuth2/OpenID Provider',
    verbose_name_plural: 'OAuth2/OpenID Providers',
    meta_model_name: 'authentik_providers_oauth2.oauth2provider',
  }
}

/** A provider as the API shows it, also inside of an access token. */
export function presentProvider(
  { grant_types = [], ...provider }: OAuth2Provider,
  store: Store,
  version: string,
): Json {
  return {
    ...provider,
    ...(isSince('2026.5', version) ? { grant_types } : {}),
    ...partialProvider(provider, store),
  }
}

export const providers = resource<'providers'>({
  kind: 'providers',
  path: 'providers/oauth2',
  lookup: 'pk',
  model: 'OAuth2Provider',
  label: 'provider',
  create: (_values, { store }) => ({
    pk: store.nextNumber('providers'),
    client_id: randomText(CLIENT_ID_CHARACTERS),
    client_secret: randomText(CLIENT_SECRET_CHARACTERS),
  }),
  present: (provider, { store, version }) => presentProvider(provider, store, version),
  actions: { setup_urls: { method: 'GET', run: setupUrls } },
})

/** Where a client of this provider finds what it needs; a provider without an application has fewer of them. */
function setupUrls(provider: OAuth2Provider, _input: unknown, { store, origin }: ApiContext): Json {
  const application = store.find('applications', (one) => one.provider === provider.pk)
  const base = `${origin}/application/o`
  const own = application && `${base}/${application.slug}`
  return {
    issuer: application ? issuerOf(provider, application, origin) : null,
    authorize: `${base}/authorize/`,
    token: `${base}/token/`,
    user_info: `${base}/userinfo/`,
    provider_info: own ? `${own}/.well-known/openid-configuration` : null,
    logout: own ? `${own}/end-session/` : null,
    jwks: own ? `${own}/jwks/` : null,
  }
}
