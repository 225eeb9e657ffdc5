import { fetchDiscovery } from '../discovery.ts'
import { resource } from '../resource.ts'
import type { Json } from '../rows.ts'

export const sources = resource<'sources'>({
  kind: 'sources',
  path: 'sources/oauth',
  lookup: 'slug',
  model: 'OAuthSource',
  label: 'source',
  validate: fetchDiscovery,
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
