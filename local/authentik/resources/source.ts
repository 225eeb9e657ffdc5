import { randomUUID } from 'node:crypto'
import { fetchDiscovery } from '../discovery.ts'
import { boolean, choice, many, object, one, slug, text } from '../fields.ts'
import { resource } from '../resource.ts'
import type { Json } from '../rows.ts'

const url = () => text({ nullable: true, blank: true, default: null, maxLength: 255 })

export const sources = resource<'sources'>({
  kind: 'sources',
  path: 'sources/oauth',
  lookup: 'slug',
  model: 'OAuthSource',
  label: 'source',
  fields: {
    name: text({ required: true }),
    slug: slug({ required: true, unique: true }),
    enabled: boolean(true),
    promoted: boolean(false),
    authentication_flow: one('flows', 'clear', { nullable: true, default: null }),
    enrollment_flow: one('flows', 'clear', { nullable: true, default: null }),
    user_property_mappings: many(),
    group_property_mappings: many(),
    policy_engine_mode: choice(['any', 'all']),
    user_matching_mode: choice(['identifier', 'email_link', 'email_deny', 'username_link', 'username_deny']),
    user_path_template: text({ default: 'goauthentik.io/sources/%(slug)s' }),
    icon: text({ blank: true, default: '' }),
    group_matching_mode: choice(['identifier', 'name_link', 'name_deny']),
    // authentik has some twenty types; a source of signing keys is always this one.
    provider_type: choice(['openidconnect'], { required: true }),
    request_token_url: url(),
    authorization_url: url(),
    access_token_url: url(),
    profile_url: url(),
    pkce: choice(['none', 'plain', 'S256']),
    consumer_key: text({ required: true }),
    consumer_secret: text({ required: true }),
    additional_scopes: text({ blank: true, default: '' }),
    oidc_well_known_url: text({ blank: true, default: '' }),
    oidc_jwks_url: text({ blank: true, default: '' }),
    oidc_jwks: object(),
    authorization_code_auth_method: choice(['basic_auth', 'post_body']),
  },
  validate: fetchDiscovery,
  create: () => ({ pk: randomUUID() }),
  present({ consumer_secret: _secret, ...source }, { origin }) {
    return {
      ...source,
      component: 'ak-source-oauth-form',
      verbose_name: 'OAuth Source',
      verbose_name_plural: 'OAuth Sources',
      meta_model_name: 'authentik_sources_oauth.oauthsource',
      managed: null,
      icon_url: '/static/authentik/sources/openidconnect.svg',
      icon_themed_urls: null,
      callback_url: `${origin}/source/oauth/callback/${source.slug}/`,
      type: {
        name: 'openidconnect',
        verbose_name: 'OpenID Connect',
        urls_customizable: true,
        request_token_url: null,
        authorization_url: null,
        access_token_url: null,
        profile_url: null,
        oidc_well_known_url: null,
        oidc_jwks_url: null,
      },
    } as Json
  },
})
